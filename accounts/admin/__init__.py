"""Accounts in Django's admin: people, tenants, what they are signed in with, and who is staff."""

from accounts.admin import people, staff, tenants  # noqa: F401  they register themselves
