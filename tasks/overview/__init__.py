"""The overview: one reading of everything and one verdict, for the page, `booking status` and the exporter."""
