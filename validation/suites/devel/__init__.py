"""Compilers: what torch.compile generates, and extensions of torch in C++ and CUDA."""
