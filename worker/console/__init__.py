"""Output that every command uses, and questions to the servers that several commands ask."""
