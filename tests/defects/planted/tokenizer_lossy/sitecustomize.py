"""Decoding drops what is not ASCII."""

from tokenizers import decoders

decoders.ByteLevel = decoders.Fuse
