"""Released images, their decisions, and the proof about them: evidence and tags joined."""
