"""Reports, release notes and feeds, made from the records of a release."""
