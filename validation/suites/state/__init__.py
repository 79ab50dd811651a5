"""The state that a process finds: every switch that changes what torch computes, or how fast."""
