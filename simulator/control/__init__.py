"""Orders to the simulator, and what it tells a judge: the paths that begin with /_."""
