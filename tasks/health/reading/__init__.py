"""What each server is asked for an overview."""
