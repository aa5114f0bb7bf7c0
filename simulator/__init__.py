"""A Cal.com API v2 that misbehaves on order: for the demo and the tests, over HTTP, in a process of its own.

It shares no code with the product. Its rules come from docs/calcom.md and from the recorded answers in
tests/fixtures/calcom/; `python -m simulator --help` teaches how to run it and how to order faults.
"""
