"""What an operator may order, whoever carries the order: command line or Flower."""
