"""Triggers that wait for batches without a worker."""
