"""Small versions of what teams run: online learning, a recommender."""
