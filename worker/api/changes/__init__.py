"""Cancel and move bookings over HTTP: the resources, their documents, and what is said of a change."""
