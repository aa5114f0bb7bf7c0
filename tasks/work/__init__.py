"""What is done with a row that is worked on: its message is sent, it is claimed, decided about, and moved."""
