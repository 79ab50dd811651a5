#!/bin/sh
# install.sh PYTHON CUDA: /usr/local/cuda, where torch and CMake look for a toolkit, leads to NVIDIA's wheels.
# Those for CUDA 12 have no nvcc, and a toolkit without it would only mislead.
set -e
major=${2%%.*}
[ "${major}" -ge 13 ] || exit 0
toolkit="/opt/venv/lib/python$1/site-packages/nvidia/cu${major}"
install -d /usr/local/cuda/lib64
for part in bin include lib nvvm; do
  ln -s "${toolkit}/${part}" "/usr/local/cuda/${part}"
done
# The wheels have libraries under their full names alone, and a linker looks for names without a version.
for library in cudart.13 cublas.13 cublasLt.13 cufft.12 cusolver.12 cusparse.12 nvrtc.13; do
  ln -s "${toolkit}/lib/lib${library%.*}.so.${library##*.}" "/usr/local/cuda/lib64/lib${library%.*}.so"
done
ln -s "${toolkit}/lib/libcudadevrt.a" "${toolkit}/lib/libcudart_static.a" /usr/local/cuda/lib64/
