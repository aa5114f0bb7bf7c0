"""The Resilience page inside Flower: how bookings, breaker and Cal.com stand, and what an operator may do about it."""
