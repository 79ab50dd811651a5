"""What a shell, a home, a locale and a first use find in the image."""
