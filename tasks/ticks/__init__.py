"""Beat's tick of each second: it looks what is due, and starts the tasks of it."""
