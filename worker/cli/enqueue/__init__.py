"""`booking enqueue`: store a file of booking requests, and send their tasks."""
