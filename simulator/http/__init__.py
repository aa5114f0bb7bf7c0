"""HTTP, well or badly spoken."""
