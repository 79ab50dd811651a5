"""The image runs as root."""

import os

os.getuid = lambda: 0
