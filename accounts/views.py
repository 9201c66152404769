"""The login page, logging out and the chosen tenant: the cookie side of signing in."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import selectors
from accounts.choices import SessionKind
from accounts.pages import cookies
from accounts.selectors import TENANT_KEY
from accounts.services import authentication, passwords, preferences, sessions
from accounts.types import Authenticated, LoggedIn
from kernel import errors, row_security
from kernel.middleware.api_errors import error_response


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
    """Show the form; on POST open a browser session and go where the user was heading.

    Who can renew a session is not asked anything. To who accepts JSON only, a POST answers who
    signed in, or why nobody did: that is the dialogue of a page whose session has ended.
    """
    target = _safe_target(request)
    if request.method != "POST":
        return _recognise(request, target)
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
        if _wants_json(request):
            return error_response(error, request)
        return _page(request, form, target, error=error, status=error.status)
    answer = _who(opened) if _wants_json(request) else redirect(target)
    return cookies.let_in(request, answer, opened)


def _recognise(request: HttpRequest, target: str) -> HttpResponse:
    if getattr(request, "actor", None) is not None:
        return redirect(target)
    renewed = cookies.renewed(request, now=timezone.now())
    if renewed is not None:
        return cookies.let_in(request, redirect(target), renewed)
    return _page(request, LoginForm(), target)


@never_cache
@csrf_protect
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Say who is signed in, after renewing their session where it is over, or answer 401.

    For scripts of our pages, which were answered 401 and cannot tell why.
    """
    found: Authenticated | None = getattr(request, "signed_in", None)
    if found is not None:
        return JsonResponse({"user": found.user.uid})
    renewed = cookies.renewed(request, now=timezone.now())
    if renewed is None:
        return error_response(errors.NotAuthenticated(), request)
    return cookies.let_in(request, _who(renewed), renewed)


@never_cache
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the browser session and drop its cookies.

    Where the first cookie is over, the second one still says whose session it is. It is shown below
    the login only, so the browser is sent there with the same form.
    """
    actor = getattr(request, "actor", None)
    if actor is None and request.path != resolve_url("accounts:logout-late"):
        return redirect("accounts:logout-late", preserve_request=True)
    now = timezone.now()
    if actor is None and (renewed := cookies.renewed(request, now=now)) is not None:
        actor = selectors.actor_for_user(
            user_id=renewed.user.pk, session_id=renewed.session.pk, via="page"
        )
        row_security.enter_for(actor)
    if actor is not None:
        sessions.log_out(actor=actor, now=now)
    return cookies.let_go(request, redirect("accounts:login"))


def choose_tenant(request: HttpRequest, uid: str) -> None:
    """Show this user one tenant of theirs from now on, here and where they log in next.

    Without a uid, all of them. Raises NotAuthenticated, and NotFound for a tenant that is not the
    user's.
    """
    found: Authenticated | None = getattr(request, "signed_in", None)
    if found is None:
        raise errors.NotAuthenticated
    if uid:
        selectors.narrowed(found, uid)
        request.session[TENANT_KEY] = uid
    else:
        request.session.pop(TENANT_KEY, None)
    preferences.merge_preferences(
        patch={"dashboard_settings": {preferences.LAST_TENANT: uid or None}},
        if_match=None,
        actor=found.actor,
        now=timezone.now(),
    )


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


def _who(opened: LoggedIn) -> HttpResponse:
    return JsonResponse({"user": opened.user.uid})


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _safe_target(request: HttpRequest) -> str:
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_safe else resolve_url(settings.LOGIN_REDIRECT_URL)
