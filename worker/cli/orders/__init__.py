"""`booking retry`, `cancel` and `resolve`: an operator's commands to bookings."""
