"""Where suites are run: in containers of an image, or in this machine's own Python."""
