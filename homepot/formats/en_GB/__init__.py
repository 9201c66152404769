"""The installation's language."""
