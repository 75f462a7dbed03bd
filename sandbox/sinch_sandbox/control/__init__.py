"""The control API under ``/sandbox/``: look inside, move the clock, arm faults."""
