"""Incidents: what is wrong now, told once, and what is unusual beside a service's past."""
