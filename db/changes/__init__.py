"""Changes of bookings: asked for, claimed, moved, swept. Each function leaves the transaction to the caller.

Who locks a booking and its change locks the booking first.
"""
