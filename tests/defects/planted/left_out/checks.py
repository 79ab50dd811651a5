"""A suite of which all checks but one were left out."""


def test_torch_is_a_cuda_build() -> None:
    """Passes."""
