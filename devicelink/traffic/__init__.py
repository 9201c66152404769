"""User activity and mistakes for demos and load, by people and devices made for it alone."""
