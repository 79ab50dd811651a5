"""Programs with pandas."""
