"""The story of one booking, for `booking show` and the page alike: what happened to it, and why it is not moving."""
