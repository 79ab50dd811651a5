"""Images: the catalogue, locks and plan, and the build of the OS layer, Python layers and image."""
