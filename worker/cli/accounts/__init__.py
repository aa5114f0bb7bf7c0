"""`booking accounts`: the accounts at Cal.com beside that of the settings."""
