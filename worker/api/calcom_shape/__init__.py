"""The door in the shape of Cal.com's API v2: what its clients send and expect, over the same path as /v1."""
