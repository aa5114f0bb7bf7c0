"""`booking show`: one booking, in a person's words."""
