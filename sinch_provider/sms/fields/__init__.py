"""The fields of a request: their names on the wire, their rules, and how values are normalised."""
