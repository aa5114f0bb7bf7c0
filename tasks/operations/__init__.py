"""What an operator may command, whoever carries the command: command line, Flower or a page."""
