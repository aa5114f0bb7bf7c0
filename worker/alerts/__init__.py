"""Bring alerts to the sinks of ALERT_URLS."""
