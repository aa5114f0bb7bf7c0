"""What an operator may do, the same from the command line, from Flower and from the Resilience page."""
