"""What every command writes with, and the questions that several ask."""
