"""PostgreSQL: connections with a deadline, statements, and the caller's own transaction."""
