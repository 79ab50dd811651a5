"""A suite that needs what the image does not have."""

import nowhere  # type: ignore[import-not-found] # planted  # noqa: F401 - planted


def test_torch_is_a_cuda_build() -> None:
    """Never called."""
