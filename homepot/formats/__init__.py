"""How dates read on Django's own pages."""
