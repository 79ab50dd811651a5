"""What is checked inside an image, and how it is run there."""
