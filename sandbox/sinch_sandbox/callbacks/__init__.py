"""Callbacks: what is posted to the customer's URL, when, and how often."""
