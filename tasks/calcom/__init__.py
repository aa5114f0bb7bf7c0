"""Cal.com's API v2: what we send, how it is sent with every bound kept, and what an answer means."""
