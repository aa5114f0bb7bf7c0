"""Cal.com's API v2: the requests, their bounds in time and size, and the meaning of each answer."""
