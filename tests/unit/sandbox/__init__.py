"""The sandbox from outside."""
