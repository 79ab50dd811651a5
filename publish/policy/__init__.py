"""Rules of releases: channels, the gate, kinds of releases, the schedule. All are pure."""
