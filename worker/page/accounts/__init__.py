"""One account's own page, and the login that sees this account alone."""
