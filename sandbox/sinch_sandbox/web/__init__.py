"""The server's side of HTTP: who may call, which connections are open, and for how long they may wait."""
