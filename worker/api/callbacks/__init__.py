"""Samples of callbacks, for those who set a receiver up."""
