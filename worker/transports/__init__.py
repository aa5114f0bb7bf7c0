"""Kombu's transports, for a worker that outlives its broker and knows whom it talks to."""
