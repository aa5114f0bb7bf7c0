"""What audits read of the record, and what they keep: nightly audits, and bookings whose rows were lost."""
