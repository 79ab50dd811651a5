"""Small versions of what teams run: online learning, and a recommender."""
