"""`booking audit`: what our record and Cal.com's list say of the same days."""
