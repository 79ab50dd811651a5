"""What decides where a release may go: channels, the gate, release kinds, the calendar. Pure."""
