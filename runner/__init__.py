"""The machine a release runs on: its engine, registry, scanner, disk, and how to talk to a
person.
"""
