"""Only the metadata beside this file: a torch 2.5.0 that is listed and not imported."""
