"""`booking keys`: the API keys of those who ask over HTTP."""
