"""Sensors that wait for batches."""
