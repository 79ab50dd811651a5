"""torchvision was built without JPEG."""

from typing import Any

import torchvision.io


def decode_jpeg(*_arguments: Any, **_named: Any) -> Any:
    raise RuntimeError("decode_jpeg: torchvision not compiled with libjpeg support")


torchvision.io.decode_jpeg = decode_jpeg
