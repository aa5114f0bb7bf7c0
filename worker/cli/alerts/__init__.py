"""`booking alerts`: whether operators can be told, and what they were told."""
