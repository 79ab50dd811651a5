"""Rules of releases: channels, the gate, release kinds, the schedule. All are pure."""
