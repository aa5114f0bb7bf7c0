"""The callers of the HTTP API: which key one has, and what it may see of its bookings."""
