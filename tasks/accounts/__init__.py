"""The accounts at Cal.com: their keys, and the one door to the client of each."""
