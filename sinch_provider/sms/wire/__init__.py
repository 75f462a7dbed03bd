"""How one call reaches Sinch: request, connection, token, repeats, answer, errors."""
