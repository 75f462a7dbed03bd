"""What everything else stands on: clock, settings, faults, outcomes, and the store. Knows nothing of HTTP."""
