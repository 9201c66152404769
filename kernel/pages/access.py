"""Who may open a page, and how a refusal below becomes a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from kernel import errors

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Send strangers to the login with the way back; refusals below become 404 and 403 pages."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        actor = getattr(request, "actor", None)
        if actor is None or actor.user_id is None:
            return redirect_to_login(request.get_full_path(), resolve_url("accounts:login"))
        try:
            return view(request, *args, **kwargs)
        except errors.NotFound as error:
            raise Http404(error.message) from error
        except errors.PermissionDenied as error:
            raise PermissionDenied(error.message) from error

    return guarded
