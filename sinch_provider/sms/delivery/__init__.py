"""Whether a batch has finished, and how: codes, progress, waiting, outcome."""
