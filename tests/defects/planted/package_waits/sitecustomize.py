"""`import torchvision` waits for 8 s, as for a server that does not answer."""

import sys
import time
from importlib.abc import MetaPathFinder


class _Waits(MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name == "torchvision":
            time.sleep(8)


sys.meta_path.insert(0, _Waits())
