"""Send once: Sinch accepts one batch for each send, however many attempts the send takes."""
