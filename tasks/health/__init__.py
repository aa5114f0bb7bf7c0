"""Incidents: what is wrong now, one alert each, and what is unusual beside a service's past."""
