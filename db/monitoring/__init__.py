"""What operators read: incidents, figures, signs of life, overrides of the breaker, and how long each is kept."""
