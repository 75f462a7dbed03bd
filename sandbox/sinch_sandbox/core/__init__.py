"""The base of everything else: clock, settings, faults, outcomes and the store. Knows nothing about HTTP."""
