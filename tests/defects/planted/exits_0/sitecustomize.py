"""Python ends at once and calls it a success."""

import os

os._exit(0)
