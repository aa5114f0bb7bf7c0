"""Ask for a change of a booking: what is refused, what needs no call, and what goes to Cal.com."""
