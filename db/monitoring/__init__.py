"""What operators read: incidents, figures, signs of life, orders to the breaker, and how long each is kept."""
