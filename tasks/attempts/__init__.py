"""One attempt at a booking: post it; or, if its outcome is unknown, ask Cal.com, judge the evidence, and end it."""
