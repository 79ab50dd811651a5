"""Programs with Stable-Baselines3."""
