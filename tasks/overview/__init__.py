"""How everything stands: one reading and one verdict for the page, `booking status` and the exporter."""
