"""The story of one booking, for `booking show` and the page alike."""
