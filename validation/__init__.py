"""The suites that check an image, and how they are run there."""
