"""One HTTP call to Cal.com, bounded in time and size."""
