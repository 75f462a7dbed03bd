"""Campaigns: one text to each person of a table, whatever its size. Rows in, decisions out."""
