"""The suite `cost`: what must cost nearly nothing does, in memory and in time."""
