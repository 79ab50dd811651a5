"""The OpenSSH server, as the image starts it, and its clients."""
