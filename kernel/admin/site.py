"""The admin's site: the product's login, its first page, and a bound on what a page may cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, NoReturn

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from kernel.admin import scope
from kernel.admin.base import Figure, ReadOnlyAdmin
from kernel.admin.lists import COUNTED, counted

_TIMEOUT_MS: Final = 5_000
_CANCELED: Final = "57014"
_READING: Final = frozenset({"GET", "HEAD"})
_CALLED: Final = {"auth": "Staff"}
_LOUDEST_FIRST: Final = ("bad", "warn", "good", "")
# How much of the audit log the first page shows.
_NEWEST: Final = 8


class HomepotAdminSite(admin.AdminSite):
    """Opens for who has a session of the product and runs the platform or was made staff."""

    site_header = "Homepot"
    site_title = "Homepot administration"
    index_title = "Administration"
    site_url = "/dashboard"
    enable_nav_sidebar = True
    index_template = "admin/start.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff with a session that has not ended."""
        return scope.actor_of(request) is not None and super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The product's own login in place of one that knows no limiter and no sessions."""
        if scope.actor_of(request) is not None:
            raise PermissionDenied
        target = request.GET.get("next") or request.get_full_path()
        return redirect_to_login(target, resolve_url("accounts:login"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:
        """There is none here: passwords are changed by the service, which ends other sessions."""
        raise Http404

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:
        """Nor this."""
        raise Http404

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A page of the admin, within a time of the database that other work can spare."""

        def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                with _limited(request):
                    response: Any = view(request, *args, **kwargs)
                    rendering = getattr(response, "render", None)
                    # Lists are read while they are drawn: what takes too long must end in here.
                    if rendering and not response.is_rendered:
                        rendering()
                    return response
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) != _CANCELED:
                    raise
                return render(request, "admin/too_slow.html", status=503)

        bounded.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
        return super().admin_view(bounded, cacheable)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page shows: besides Django's, whose rows it shows."""
        return {
            **super().each_context(request),
            "viewer": scope.actor_of(request),
            "sees_all": scope.runs_platform(request),
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """The lists by app, called what they are called on their own pages."""
        found = super().get_app_list(request, app_label)
        for app in found:
            app["name"] = _CALLED.get(app["app_label"], app["name"])
        for model in (model for app in found for model in app["models"]):
            model["name"] = self._registry[model["model"]].called  # type: ignore[attr-defined]
        return found

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """The first page: what needs a look, the newest changes, and every list."""
        extra = {
            "figures": self._figures(request),
            "newest": self._newest(request),
            **(extra_context or {}),
        }
        return super().index(request, extra)

    def _figures(self, request: HttpRequest) -> list[dict[str, Any]]:
        now = timezone.now()
        found = []
        for model, model_admin in self._registry.items():
            if not isinstance(model_admin, ReadOnlyAdmin) or not model_admin.figures:
                continue
            if not model_admin.has_view_permission(request):
                continue
            opts = model._meta
            address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            rows = model_admin.visible(model_admin.every_row(), request)
            found += [_drawn(figure, rows, address, now) for figure in model_admin.figures]
        return sorted(found, key=lambda drawn: _LOUDEST_FIRST.index(drawn["tone"]))

    def _newest(self, request: HttpRequest) -> list[Any]:
        for model, model_admin in self._registry.items():
            if model._meta.label_lower == "audit.auditentry" and model_admin.has_view_permission(
                request
            ):
                return list(model_admin.get_queryset(request)[:_NEWEST])
        return []


def _drawn(figure: Figure, rows: Any, address: str, now: Any) -> dict[str, Any]:
    number = counted(figure.narrow(rows, now), COUNTED)
    return {
        "label": figure.label,
        "number": f"{COUNTED:,}+" if number > COUNTED else f"{number:,}",
        "tone": figure.tone if number else "",
        "address": f"{address}?{figure.query}" if figure.query else address,
    }


def _limited(request: HttpRequest) -> AbstractContextManager[Any]:
    """A transaction that ends with a statement that takes too long; only where reads are one."""
    if connection.vendor != "postgresql" or request.method not in _READING:
        return nullcontext()
    return _with_timeout()


@contextmanager
def _with_timeout() -> Iterator[None]:
    with transaction.atomic():
        former = _set_timeout(f"{_TIMEOUT_MS}ms")
        yield
        _set_timeout(former)


def _set_timeout(value: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (former,) = cursor.fetchone()
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [value])
    return str(former)
