"""`booking audit` and `booking restored`: our record beside Cal.com's list."""
