"""The one way in which models stand in the admin: to look at; what changes them are deeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from kernel.admin import deed_pages, deeds, filters, scope, secrets
from kernel.admin.lists import BoundedList, BoundedPaginator

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    # Django's class takes no argument at run time.
    _ModelAdmin = admin.ModelAdmin

# Longer documents are cut: a page is to be read.
_LONGEST: Final = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number on the first page: how many rows are so, and the list that shows them."""

    label: str
    narrow: Callable[[Any, datetime], Any]
    query: str = ""
    tone: str = ""


class ReadOnlyAdmin(_ModelAdmin):
    """Shows rows within the viewer's scope; nothing is added, changed or deleted here.

    How a row leads to its tenant and site follows from its columns, or is said by `tenant_path`
    and `site_path`. A model without a tenant is for who runs the platform alone.
    """

    tenant_path: ClassVar[str | None] = None
    # None: unknown, so who is limited to sites sees nothing; "": the whole tenant's.
    site_path: ClassVar[str | None] = None
    # Columns that are not shown besides those that never are.
    hidden: ClassVar[tuple[str, ...]] = ()
    # Parameters a link may narrow the list with besides its filters.
    links: ClassVar[tuple[str, ...]] = ()
    # A table too large to be looked at as a whole is shown device by device.
    needs_device: ClassVar[bool] = False
    # The kind of thing the audit log knows a row as, and the column that names it there.
    audited_as: ClassVar[tuple[str, str] | None] = None
    figures: ClassVar[tuple[Figure, ...]] = ()
    # What many of them are called, where an s at the end does not do.
    plural: ClassVar[str] = ""

    empty_value_display = "–"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    ordering: ClassVar[Any] = ("-pk",)
    actions_on_top = True
    view_on_site = False
    change_form_template = "admin/row.html"
    change_list_template = "admin/rows.html"

    def __init__(self, model: type[models.Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        tenant_path, site_path = scope.paths_of(model)
        self._tenant_path = self.tenant_path or tenant_path
        self._site_path = site_path if self.site_path is None else self.site_path
        for column in model._meta.concrete_fields:
            if isinstance(column, models.JSONField):
                setattr(self, f"shown_{column.name}", _pretty(column))

    @property
    def key(self) -> str:
        """The model as deeds name it."""
        return self.opts.label_lower

    @property
    def called(self) -> str:
        """What many of them are called."""
        return self.plural or capfirst(str(self.opts.verbose_name_plural))

    @property
    def is_for_staff(self) -> bool:
        """Whether anybody but who runs the platform can be given it."""
        return self._tenant_path is not None

    # Whose rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the viewer's tenants and sites; all of them for who runs the platform."""
        rows: QuerySet[Any] = self.visible(self.every_row(), request)
        ordered: QuerySet[Any] = rows.order_by(*self.get_ordering(request))
        return ordered

    def every_row(self) -> QuerySet[Any]:
        """All rows, whatever the model's own managers leave out."""
        rows: QuerySet[Any] = self.model._base_manager.all()
        return rows

    def visible(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Those of the rows that are the viewer's to see."""
        if scope.runs_platform(request):
            return rows
        if not self.is_for_staff or self._tenant_path is None:
            return rows.none()
        return scope.within(
            rows,
            scope.actor_of(request),
            tenant_path=self._tenant_path,
            site_path=self._site_path,
        )

    # Who may

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who runs the platform, and staff who have been given the model."""
        if scope.runs_platform(request):
            return True
        return self.is_for_staff and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """An app is there for who may see one of its models."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows here."""
        return False

    def may_do(self, request: HttpRequest, deed: deeds.Deed) -> bool:
        """Whether the viewer has been given the deed; the service asks for their role besides."""
        if scope.runs_platform(request):
            return True
        if not deed.for_staff or not self.has_view_permission(request):
            return False
        return bool(request.user.has_perm(deed.permission))

    def deeds_of(self, request: HttpRequest) -> list[deeds.Deed]:
        """What the viewer may do with rows of the model."""
        return [deed for deed in deeds.of(self.key).values() if self.may_do(request, deed)]

    # What a list shows

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """The rows that the columns of the list refer to, in the same query."""
        related = {column.name for column in self.opts.concrete_fields if column.is_relation}
        wanted = [name for name in self.get_list_display(request) if name in related]
        own = self.list_select_related
        return [*wanted, *(own if isinstance(own, (list, tuple)) else ())] or False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that counts no further than it pages."""
        return BoundedList

    def get_list_filter(self, request: HttpRequest) -> Any:
        """The model's own filters, and those of everything that has a tenant or a device."""
        own = list(super().get_list_filter(request))
        names = {column.name for column in self.opts.concrete_fields}
        if self.is_for_staff and self.key != "accounts.tenant":
            own.append(filters.TenantFilter)
        if "device" in names:
            own.append(filters.DeviceFilter)
        return own

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Only what the list offers: by other lookups a column that is not shown could be guessed."""
        if lookup in self.links:
            return True
        for one in self.get_list_filter(request):
            if isinstance(one, type):
                if lookup == one.parameter_name:  # type: ignore[attr-defined]
                    return True
                continue
            name = one if isinstance(one, str) else str(one[0])
            if lookup == name or lookup.startswith(f"{name}__"):
                return True
        by_date = self.date_hierarchy
        return bool(by_date) and lookup.startswith(f"{by_date}__")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with the text; PostgreSQL takes no NUL in one."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    @admin.display(description="Tenant")
    def owner(self, row: Any) -> str:
        """The name of the tenant a row belongs to."""
        return getattr(row, "owner_name", "") or "–"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, or the page of a deed that was chosen for some of its rows."""
        if self.is_for_staff:
            scope.looked(request, self.key, request.GET.dict())
        extra = {
            "title": self.called,
            "called": self.called,
            "asks_for_device": self.needs_device and not request.GET.get("device"),
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    def get_actions(self, request: HttpRequest) -> Any:
        """The deeds the viewer may do, for rows that are chosen in the list."""
        return {
            deed.name: (partial(_chosen, deed=deed), deed.name, f"{deed.label}…")
            for deed in self.deeds_of(request)
        }

    # What a page of a row shows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every column that may be shown; documents so that they can be read."""
        return list(self._shown())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return list(self._shown())

    def _shown(self) -> Iterator[str]:
        for column in secrets.open_fields(self.model):
            if column.name not in self.hidden:
                is_document = isinstance(column, models.JSONField)
                yield f"shown_{column.name}" if is_document else column.name

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A row, with what can be done with it and where else it is told of."""
        row = self.get_object(request, object_id)
        if self.is_for_staff and row is not None:
            scope.looked(request, self.key, {"row": str(row.pk)})
        offered = [deed for deed in self.deeds_of(request) if row is not None and deed.applies(row)]
        extra = {
            "title": "" if row is None else self.name_of(row),
            "subtitle": None,
            "called": self.called,
            "deeds": [(deed, self._deed_address(object_id, deed)) for deed in offered],
            "audit_address": self._audit_address(request, row),
            "row_links": [] if row is None else list(self.links_of(row, request)),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, extra)

    def name_of(self, row: Any) -> str:
        """What the page of a row is called."""
        return str(row)

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Other pages about the row: label and address."""
        yield from ()

    def list_of(self, model: str, query: str, request: HttpRequest) -> str:
        """The address of another list, where the viewer may see it; empty otherwise."""
        for other, model_admin in self.admin_site._registry.items():
            if other._meta.label_lower == model and model_admin.has_view_permission(request):
                name = f"admin:{other._meta.app_label}_{other._meta.model_name}_changelist"
                return f"{reverse(name)}?{query}"
        return ""

    def _audit_address(self, request: HttpRequest, row: Any) -> str:
        if row is None or self.audited_as is None:
            return ""
        kind, column = self.audited_as
        query = f"target_type={kind}&target_id={getattr(row, column)}"
        return self.list_of("audit.auditentry", query, request)

    def _deed_address(self, object_id: str, deed: deeds.Deed) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_deed"
        return reverse(name, args=(object_id, deed.name))

    # The pages of Django that a model has; there is none to add, delete or look at a history with.
    pages: ClassVar[frozenset[str]] = frozenset({"changelist", "change"})

    def get_urls(self) -> Any:
        """The list, the page of a row, and one for what can be done with it."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        found = [
            one for one in super().get_urls() if str(one.name).removeprefix(prefix) in self.pages
        ]
        if not deeds.of(self.key):
            return found
        page = path(
            "<path:object_id>/do/<slug:name>/",
            self.admin_site.admin_view(self.deed_view),
            name=f"{prefix}deed",
        )
        return [page, *found]

    def deed_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Say what a deed does with one row, and do it."""
        deed = deeds.of(self.key).get(name)
        row = self.get_object(request, object_id)
        if deed is None or row is None or not self.has_view_permission(request, row):
            raise Http404
        if not self.may_do(request, deed):
            raise PermissionDenied("You have not been given this.")
        return deed_pages.show(self, request, deed, [row], object_id=object_id)


def _chosen(
    model_admin: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any], *, deed: deeds.Deed
) -> HttpResponse | None:
    """Open the page of a deed for the rows that were chosen in a list."""
    return deed_pages.show_chosen(model_admin, request, deed, queryset)


def _pretty(column: models.Field[Any, Any]) -> Callable[[Any], SafeString]:
    """Shows a document indented, so that people can read it."""

    def shown(row: Any) -> SafeString:
        value = getattr(row, column.attname)
        if value is None:
            return format_html("{}", "–")
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n…"
        return format_html('<pre class="document" tabindex="0">{}</pre>', cut)

    shown.short_description = str(column.verbose_name).capitalize()  # type: ignore[attr-defined]
    return shown


class PlatformAdmin(ReadOnlyAdmin):
    """Rows of the installation itself, for who runs it."""

    @property
    def is_for_staff(self) -> bool:
        """Whatever they have been given, these are not staff's."""
        return False
