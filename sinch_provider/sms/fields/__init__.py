"""What a request may say: each field's name on the wire, the rule it obeys, and how values are normalised."""
