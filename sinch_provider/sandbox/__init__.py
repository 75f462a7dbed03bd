"""A stand-in for the Sinch SMS API that runs on your own machine.

Nothing in here knows the client code of this package: both are written from Sinch's public reference on
their own, so a misunderstanding in one shows up against the other.
"""
