"""The tests below belong to the host applications: `make hosts` runs them, in environments of their own."""

collect_ignore_glob = ["*/test_*.py"]
