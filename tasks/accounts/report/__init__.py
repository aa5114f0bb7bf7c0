"""One account's report: its figures of a period, and the files of them that may be handed to the client."""
