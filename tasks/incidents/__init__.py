"""Incidents: what the health check watches, opens and closes, and the alerts that it sends about them."""
