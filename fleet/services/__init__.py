"""Changes of what the fleet app keeps, and what it starts."""
