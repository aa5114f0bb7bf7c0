"""Cancel and reschedule at Cal.com: the bodies, the meaning of each answer, and what a lookup shows."""
