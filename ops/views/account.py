"""The viewer's own account: name, password, sessions, what they arrange, and erasing it."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import cookies
from accounts.services import erasure, passwords, preferences, profile, sessions, user_care
from kernel import errors
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from ops import account_forms, clients

_SAID = {
    "name": "Your name is changed.",
    "password": "Your password is changed. You are signed out everywhere else.",
    "session": "The session is ended.",
    "others": "You are signed out everywhere else.",
    "arranged": "Saved.",
}
Deed = Callable[[HttpRequest, forms.Form], None]


@never_cache
@require_safe
@signed_in
def account(request: HttpRequest) -> HttpResponse:
    """Everything about the viewer's own account."""
    return _page(request)


@require_POST
@signed_in
def rename(request: HttpRequest) -> HttpResponse:
    """Change how others see the viewer."""

    def deed(request: HttpRequest, form: forms.Form) -> None:
        profile.update_profile(**form.cleaned_data, actor=request.actor, now=timezone.now())

    return _done(request, "name", account_forms.NameForm(request.POST), deed)


@sensitive_post_parameters("current_password", "new_password")
@require_POST
@signed_in
def change_password(request: HttpRequest) -> HttpResponse:
    """Change the viewer's password; every other session of theirs ends."""

    def deed(request: HttpRequest, form: forms.Form) -> None:
        user = passwords.change_password(
            current=form.cleaned_data["current_password"],
            new=form.cleaned_data["new_password"],
            actor=request.actor,
            now=timezone.now(),
        )
        # Django ties its cookie session to the password; this keeps the present one.
        auth.update_session_auth_hash(request, user)

    return _done(request, "password", account_forms.PasswordForm(request.POST), deed)


@require_POST
@signed_in
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End one session of the viewer's, or all but the present one."""
    wanted = request.POST.get("session", "")
    if not wanted:
        sessions.end_my_others(actor=request.actor, now=timezone.now())
        return redirect(f"{_address()}?said=others")
    sessions.end_session(session_uid=wanted, actor=request.actor, now=timezone.now())
    return redirect(f"{_address()}?said=session")


@require_POST
@signed_in
def arrange(request: HttpRequest) -> HttpResponse:
    """Keep the viewer's start page, theme and time zone."""

    def deed(request: HttpRequest, form: forms.Form) -> None:
        given = form.cleaned_data
        chosen = {"start_page": given["start_page"], "theme": given["theme"]}
        preferences.merge_preferences(
            patch={"dashboard_settings": {**chosen, "time_zone": given["time_zone"] or None}},
            if_match=None,
            actor=request.actor,
            now=timezone.now(),
        )

    return _done(request, "arranged", account_forms.ArrangementForm(request.POST), deed)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def erase(request: HttpRequest) -> HttpResponse:
    """Say what erasing the account does; on POST, with the password, begin it."""
    form = account_forms.EraseForm(posted(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                begun = erasure.request_erasure(
                    password=form.cleaned_data["password"],
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                page = render(request, "ops/account_erased.html", {"begun": begun})
                return cookies.let_go(request, page)
    outlook = erasure.foresee_erasure(actor=request.actor)
    context = {"form": form, "outlook": outlook}
    return render(request, "ops/account_erase.html", context, status=status)


def _done(request: HttpRequest, name: str, form: forms.Form, deed: Deed) -> HttpResponse:
    """Do what a form of the page asks, or show the page with what is wrong in it."""
    status = 400
    if form.is_valid():
        try:
            deed(request, form)
        except errors.HomepotError as error:
            status = show_refusal(form, error)
        else:
            return redirect(f"{_address()}?said={name}")
    return _page(request, status=status, **{f"{name}_form": form})


def _address() -> str:
    return reverse("ops:account")


def _page(request: HttpRequest, *, status: int = 200, **forms_given: forms.Form) -> HttpResponse:
    user = request.signed_in.user
    kept = preferences.read_preferences(actor=request.actor).members.get("dashboard_settings", {})
    kept = kept if isinstance(kept, dict) else {}
    chosen = {
        "start_page": kept.get("start_page") or "dashboard",
        "theme": kept.get("theme") or "system",
        "time_zone": kept.get("time_zone") or "",
    }
    mine = user_care.my_sessions(actor=request.actor)
    context = {
        "user": user,
        "name_form": account_forms.NameForm(initial={"display_name": user.display_name}),
        "password_form": account_forms.PasswordForm(),
        "arranged_form": account_forms.ArrangementForm(initial=chosen),
        "sessions": [
            {
                "row": row,
                "client": clients.client_of(row.user_agent),
                "is_phone": clients.is_phone(row.user_agent),
            }
            for row in mine
        ],
        "others": sum(not row.is_current for row in mine),
        "said": _SAID.get(request.GET.get("said", ""), ""),
        **forms_given,
    }
    return render(request, "ops/account.html", context, status=status)
