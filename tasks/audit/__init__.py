"""Compare our record with what Cal.com has, and mend what is safe (docs/audit.md)."""
