"""Programs with the client of the model hub."""
