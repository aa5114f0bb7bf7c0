"""The Resilience page inside Flower: the state of bookings, breaker and Cal.com, and the operators' actions."""
