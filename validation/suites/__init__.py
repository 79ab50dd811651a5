"""Run inside an image under test: one pytest module per suite, and the small helpers they share.

Nothing here may need more than the image's own packages, pytest and the standard library.
"""
