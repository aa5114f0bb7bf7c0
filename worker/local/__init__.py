"""What runs on one machine for a first hour, the demo and the tests: not the production worker."""
