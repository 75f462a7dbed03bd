"""One exchange with Sinch: the call, the way there and back, tokens, repeats, and what an answer means."""
