"""What public functions and classes give, as recorded from the locked wheels of a line."""
