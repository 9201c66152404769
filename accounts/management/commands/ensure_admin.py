"""Adds the first administrator and prints a generated password, once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.services import bootstrap
from kernel import errors


class Command(BaseCommand):
    """`manage.py ensure_admin`: does nothing where there is an administrator."""

    help = "Add the first administrator (HOMEPOT_ADMIN_EMAIL, HOMEPOT_ADMIN_PASSWORD)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the administrator; the generated password is printed and stored nowhere."""
        try:
            generated = bootstrap.ensure_first_admin(
                email=settings.ADMIN_EMAIL,
                password=settings.ADMIN_PASSWORD or None,
                now=timezone.now(),
            )
        except errors.ValidationFailed as error:
            problems = [f"{field}: {' '.join(why)}" for field, why in error.details.items()]
            raise CommandError(f"No administrator was added. {' '.join(problems)}") from None
        if generated is not None:
            self.stdout.write(f"Administrator: {settings.ADMIN_EMAIL}")
            self.stdout.write(f"Password (shown this once): {generated}")
