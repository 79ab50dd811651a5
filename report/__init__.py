"""Records of a release, written for people."""
