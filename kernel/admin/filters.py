"""Filters of lists that ask no table for all the values it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from kernel.admin import scope

_OFFERED: Final = 20
_Names = Callable[[Collection[int] | None, int], Mapping[int, str]]
_named: dict[str, _Names] = {}


def name_tenants(names: _Names) -> None:
    """Say how tenants are called: the app that owns them does."""
    _named["tenants"] = names


def tenant_names(ids: Collection[int] | None, limit: int = 1_000) -> Mapping[int, str]:
    """Names of these tenants, or of the first of all."""
    return _named["tenants"](ids, limit) if _named else {}


class TenantFilter(admin.SimpleListFilter):
    """Rows of one tenant; offered are those of the viewer, for who runs the platform the first."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The tenants that are offered, and the one that is chosen."""
        actor = scope.actor_of(request)
        if actor is None:
            return []
        ids = None if actor.is_platform_admin else actor.tenant_ids
        names = dict(tenant_names(ids, _OFFERED))
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isascii() and chosen.isdecimal() and len(chosen) < 18 and ids is None:
            names |= tenant_names({int(chosen)})
        return [(str(key), name) for key, name in names.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Within the scope that the list has anyway."""
        chosen = self.value()
        if not chosen or not chosen.isascii() or not chosen.isdecimal() or len(chosen) >= 18:
            return queryset
        path = scope.paths_of(queryset.model)[0] or "tenant_id"
        return queryset.filter(**{path: int(chosen)})


def choice(
    title: str, parameter: str, choices: Mapping[str, tuple[str, Callable[[Any], Any]]]
) -> type[admin.SimpleListFilter]:
    """A filter with fixed choices: word to its label and how it narrows."""

    class Chosen(admin.SimpleListFilter):
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(word, label) for word, (label, _) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            word = self.value() or ""
            return choices[word][1](queryset) if word in choices else queryset

    Chosen.title = title
    Chosen.parameter_name = parameter
    return Chosen


def words(title: str, field: str, values: Collection[str]) -> type[admin.SimpleListFilter]:
    """A filter on a column of words that are known beforehand."""

    def narrowed(word: str) -> Callable[[Any], Any]:
        return lambda rows: rows.filter(**{field: word})

    return choice(title, field, {word: (word, narrowed(word)) for word in values})


class DeviceFilter(admin.SimpleListFilter):
    """Rows of one device, which a link of its page names; nothing is offered to choose from."""

    title = "device"
    parameter_name = "device"
    template = "admin/device_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The chosen one only."""
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen)]

    def has_output(self) -> bool:
        """A field to type into is there always."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the device with that public id."""
        uid = self.value()
        if not uid:
            return queryset
        # PostgreSQL takes no NUL in a text.
        return queryset.filter(device__uid=uid) if "\0" not in uid else queryset.none()

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """What the field is drawn with."""
        yield {
            "selected": bool(self.value()),
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": self.value() or "",
            "kept": [
                (name, one)
                for name, values in changelist.filter_params.items()
                if name != self.parameter_name
                for one in values
            ],
        }
