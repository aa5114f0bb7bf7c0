"""The periodic tasks of the maintenance queue: what is held or left lying moves on."""
