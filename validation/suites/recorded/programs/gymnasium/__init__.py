"""Programs with Gymnasium."""
