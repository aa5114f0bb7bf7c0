"""Cal.com's webhooks: a hint that a booking may have changed, after which Cal.com is asked; never a proof."""
