"""The contract between the host and the suites in an image: file names, words, facts, questions.

The host imports this package and no other part of the suites. It is also imported inside the image,
so it needs the standard library only.
"""
