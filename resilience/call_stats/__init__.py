"""The counts of a service's calls."""
