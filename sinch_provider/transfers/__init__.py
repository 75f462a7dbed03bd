"""Transfers: from a table or a file of people to their phones."""
