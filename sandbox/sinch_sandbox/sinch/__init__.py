"""What Sinch does: its HTTP surface, its rules, and what becomes of a message."""
