"""The user, home, locale and settings that programs find in the image."""
