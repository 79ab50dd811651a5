"""Jobs: exit codes, signals and processes that are left behind."""
