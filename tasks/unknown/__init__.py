"""A booking whose outcome is unknown: ask Cal.com, judge the evidence, and end it."""
