"""The record: what was asked for, where it stands, and what happened to it. Postgres keeps the promise."""
