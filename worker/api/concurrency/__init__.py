"""What runs beside the event loop of one process, and who waits for it there."""
