"""What a person can type after `./release.py`, by when they do: before a release, cutting it, once
it is out.
"""
