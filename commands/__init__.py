"""The commands of `./release.py`, by their time: before a release, to cut it, after it."""
