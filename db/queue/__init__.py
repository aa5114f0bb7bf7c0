"""The queue of work at Cal.com: bookings, cancels and moves, each rule of it written once.

A function takes the kind of rows that it is asked for (`kinds`), the caller's connection, and leaves the transaction to
the caller; time is Postgres's now(). Rows that come back as pending or retrying count as enqueued: send them after the
commit, or `mark_unsent` them.
"""
