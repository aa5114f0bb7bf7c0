"""What keeps a host application as it is: our own Celery application, and logs by its `logging`."""
