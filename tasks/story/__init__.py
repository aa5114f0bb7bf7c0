"""The story of one booking, for `booking show` and the page alike: its events, and why it is not moving."""
