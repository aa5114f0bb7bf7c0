"""The overview: one reading of everything and one verdict, for page, `booking status` and exporter."""
