"""A program that mentions no encoding: writes the text of stdin to stdout and FOLDER/TEXT.

Then it prints whether it reads there what it wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    text = sys.stdin.read()
    sys.stdout.write(text)
    Path(sys.argv[1], text).write_text(text)
    print(Path(sys.argv[1], text).read_text() == text)
