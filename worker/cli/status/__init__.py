"""`booking status`: the answer first, then how everything stands; once, or again and again."""
