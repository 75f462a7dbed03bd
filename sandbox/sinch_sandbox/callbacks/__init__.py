"""Callbacks: which reports and messages are posted to the customer's URL, when, how often, and how."""
