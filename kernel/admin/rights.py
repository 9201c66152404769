"""Permissions for deeds, and which permissions can be given to staff at all."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from kernel.admin import deeds
from kernel.admin.base import ReadOnlyAdmin

DOING: Final = "Can do: "


def make(using: str) -> None:
    """See to it that every deed has its permission; what is there stays."""
    models = {model._meta.label_lower: model for model in admin.site._registry}
    for deed in deeds.every():
        content_type = ContentType.objects.db_manager(using).get_for_model(
            models[deed.model], for_concrete_model=False
        )
        Permission.objects.using(using).get_or_create(
            content_type=content_type,
            codename=deed.codename,
            defaults={"name": f"{DOING}{deed.label}"},
        )


def givable() -> QuerySet[Permission]:
    """Permissions that mean something for staff: to see a model, and its deeds for them."""
    wanted = Q(pk__in=())
    for model, model_admin in admin.site._registry.items():
        if not isinstance(model_admin, ReadOnlyAdmin) or not model_admin.is_for_staff:
            continue
        opts: Any = model._meta
        codenames = [f"view_{opts.model_name}"]
        codenames += [
            deed.codename for deed in deeds.of(opts.label_lower).values() if deed.for_staff
        ]
        wanted |= Q(content_type__app_label=opts.app_label, codename__in=codenames)
    found = Permission.objects.filter(wanted).select_related("content_type")
    return found.order_by("content_type__app_label", "content_type__model", "codename")
