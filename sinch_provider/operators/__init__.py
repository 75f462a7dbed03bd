"""Operators that call the batch API."""
