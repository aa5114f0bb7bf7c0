"""Traces of bookings, for OpenTelemetry: the story that PostgreSQL keeps of each, told as spans when it has ended."""
