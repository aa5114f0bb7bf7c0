"""`booking enqueue`: keep a file of booking requests, and send their tasks."""
