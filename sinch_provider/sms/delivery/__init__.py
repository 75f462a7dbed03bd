"""Whether batches have finished, and with what result."""
