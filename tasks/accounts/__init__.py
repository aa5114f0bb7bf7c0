"""The accounts at Cal.com: their keys, what is derived from a secret, and the one door to the client of each."""
