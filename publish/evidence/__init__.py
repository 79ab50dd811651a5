"""What was found of an image, signed and on its digest; and what a stranger can verify of it."""
