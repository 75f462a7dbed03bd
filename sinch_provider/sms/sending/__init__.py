"""Sending once: a batch is accepted one time, however often its send is attempted."""
