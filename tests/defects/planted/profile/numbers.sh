#!/bin/sh
export OMP_NUM_THREADS=1
