"""Servers and processes on one machine, for a first hour, the demo and the tests: never in production."""
