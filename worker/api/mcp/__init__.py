"""The Model Context Protocol over Streamable HTTP: each request by itself, answered with one object of JSON."""
