"""The story of one booking, for `booking show` and the Resilience page: its events, and why it is not moving."""
