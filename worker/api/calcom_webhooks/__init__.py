"""Where Cal.com's webhooks come in: signature, one INSERT, and an answer in a quarter of a second."""
