"""A wish to cancel or to move a booking that Cal.com has: what each answer and each lookup proves."""
