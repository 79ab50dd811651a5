"""The OCI formats and the registry protocol, free of anything this project decides."""
