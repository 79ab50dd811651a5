"""The suites that run inside an image under test: one pytest module each, and the code they share.

Nothing here needs more than the image's own packages, pytest and the standard library. Modules
import each other by relative names, because the package has another name inside an image
(`contract/layout.py`).
"""
