"""A deployment in simulated time: a fleet, its breaker, the held, the rate limit, and a Cal.com that goes down."""
