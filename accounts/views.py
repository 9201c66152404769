"""The login page, logging out and the chosen tenant: the cookie side of signing in."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import auth
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import selectors
from accounts.choices import SessionKind
from accounts.selectors import LOGIN_SESSION_KEY, TENANT_KEY
from accounts.services import authentication, passwords, sessions
from accounts.types import Authenticated
from kernel import errors

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class LoginForm(forms.Form):
    """E-mail and password."""

    email = forms.CharField(max_length=254)
    password = forms.CharField(
        max_length=passwords.MAX_LENGTH, strip=False, widget=forms.PasswordInput
    )


@never_cache
@csrf_protect
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST open a browser session and go where the user was heading."""
    target = _safe_target(request)
    if request.method != "POST":
        if getattr(request, "actor", None) is not None:
            return redirect(target)
        return _page(request, LoginForm(), target)
    form = LoginForm(request.POST)
    if not form.is_valid():
        return _page(request, form, target, status=400)
    try:
        opened = authentication.log_in(
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
            address=request.META.get("REMOTE_ADDR", ""),
            user_agent=request.headers.get("User-Agent", ""),
            kind=SessionKind.BROWSER,
            request_id=getattr(request, "request_id", ""),
            now=timezone.now(),
        )
    except errors.HomepotError as error:
        return _page(request, form, target, error=error, status=error.status)
    # A new session key, so that one planted before the login is worth nothing after it.
    auth.login(request, opened.user, backend=_BACKEND)
    request.session[LOGIN_SESSION_KEY] = opened.session.uid
    return redirect(target)


@never_cache
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the browser session and drop its cookie."""
    actor = getattr(request, "actor", None)
    if actor is not None:
        sessions.log_out(actor=actor, now=timezone.now())
    auth.logout(request)
    return redirect("accounts:login")


def choose_tenant(request: HttpRequest, uid: str) -> None:
    """Show this browser one tenant of its user's from now on; without a uid, all of them.

    Raises NotAuthenticated, and NotFound for a tenant that is not the user's.
    """
    found: Authenticated | None = getattr(request, "signed_in", None)
    if found is None:
        raise errors.NotAuthenticated
    if uid:
        selectors.narrowed(found, uid)
        request.session[TENANT_KEY] = uid
    else:
        request.session.pop(TENANT_KEY, None)


@never_cache
@csrf_protect
@require_POST
def choose_tenant_page(request: HttpRequest) -> HttpResponse:
    """Choose the tenant the pages show, and go back to where the user was."""
    try:
        choose_tenant(request, request.POST.get("tenant", ""))
    except errors.NotAuthenticated:
        return redirect("accounts:login")
    except errors.NotFound as error:
        raise Http404(error.message) from error
    return redirect(_safe_target(request))


def _page(
    request: HttpRequest,
    form: LoginForm,
    target: str,
    *,
    error: errors.HomepotError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "next": target,
        "error": error.message if error else "",
        "retry_after": error.retry_after if error and error.retry_after else "",
    }
    response = render(request, "accounts/login.html", context, status=status)
    if error is not None and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _safe_target(request: HttpRequest) -> str:
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_safe else resolve_url(settings.LOGIN_REDIRECT_URL)
