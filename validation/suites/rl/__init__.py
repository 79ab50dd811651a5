"""PPO solves a small task."""
