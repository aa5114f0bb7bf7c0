"""Alerts: the words of an incident, and how they get to the sinks of ALERT_URLS."""
