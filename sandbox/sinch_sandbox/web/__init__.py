"""The HTTP server: who may call, which connections are open, and how long they may wait."""
