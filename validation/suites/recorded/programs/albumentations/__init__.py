"""Programs with Albumentations."""
