"""`booking retry`, `cancel` and `resolve`: an operator's orders to bookings."""
