"""Routes about the fleet as a whole."""
