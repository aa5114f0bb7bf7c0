"""Calls of Cal.com behind the breaker, and the harmless call that finds out whether what denies them is over."""
