"""The web inbox: its page, and the routes under ``/sandbox/inbox`` that only the page uses."""
