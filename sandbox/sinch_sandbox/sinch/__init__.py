"""Sinch's API: its routes, its rules, and what a batch turns into."""
