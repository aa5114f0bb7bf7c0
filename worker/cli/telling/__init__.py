"""What callers are told, and what Cal.com tells us, on the command line."""
