"""What an image is (catalogue, locks, plan) and how it is built (OS layer, Python layers,
assembly).
"""
