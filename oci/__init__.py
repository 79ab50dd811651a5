"""The OCI formats and the registry protocol, without anything that this project decides."""
