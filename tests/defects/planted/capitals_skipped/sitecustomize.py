"""Pictures are skipped if the ending of their names is in capitals."""

from torchvision.datasets import folder


def has_ending(filename: str, extensions: str | tuple[str, ...]) -> bool:
    return filename.endswith(extensions if isinstance(extensions, str) else tuple(extensions))


folder.has_file_allowed_extension = has_ending
