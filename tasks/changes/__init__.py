"""A change of a booking (a cancel or a move): asked for, attempted, judged, ended, or resolved by a person."""
