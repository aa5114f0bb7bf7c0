"""`booking status`: the verdict first, then the figures; once, or repeated with --watch."""
