"""Django's admin with the product's own site, and the permissions its deeds need."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class HomepotAdminConfig(AdminConfig):
    """Stands in for `django.contrib.admin`."""

    default_site = "kernel.admin.site.HomepotAdminSite"

    def ready(self) -> None:
        super().ready()
        from kernel.admin import own  # noqa: F401, PLC0415  needs the site that was made above

        post_migrate.connect(_make_permissions, sender=self)


def _make_permissions(using: str, **kwargs: Any) -> None:
    """Deeds are no columns of models, so Django makes no permissions of them by itself."""
    try:
        kwargs["apps"].get_model("auth", "Permission")
    except LookupError:
        # Only some apps were migrated; the table is not there yet.
        return
    from kernel.admin import rights  # noqa: PLC0415  models exist only once apps are ready

    rights.make(using)
