"""Traces of bookings for OpenTelemetry: the events that PostgreSQL stores, sent as spans when a booking has ended."""
