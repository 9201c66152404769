"""The ledger in Django's admin: to read, and to take back what can still be taken back."""

from commands.admin import batches, deeds, ledger  # noqa: F401  they register themselves
