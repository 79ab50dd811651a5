"""The machine that a release runs on: its engine, registry, disk and environment, and its user."""
