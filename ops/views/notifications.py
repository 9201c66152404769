"""Notifications: who is told, making and changing it, trying it, and links in mails."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kernel import errors, preconditions
from kernel.pages.access import signed_in
from kernel.pages.refusals import posted, show_refusal
from notifications.services import channels as service
from notifications.services import links
from notifications.types import ChannelWish
from ops import notices
from ops.views.tenants import in_tenant


@require_safe
@signed_in
@in_tenant
def channels(request: HttpRequest) -> HttpResponse:
    """The viewer's own channels, and those of tenants that they manage."""
    cards, page = notices.channels_page(actor=request.actor, number=request.GET.get("page", ""))
    context = {"channels": cards, "page": page, "has_owners": len(request.actor.roles) > 1}
    return render(request, "ops/notifications.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def new_channel(request: HttpRequest) -> HttpResponse:
    """Ask whom to tell of what; on POST make the channel and show a webhook's secret, this once."""
    receivers = notices.receivers_for(request.actor)
    sites = notices.sites_of(request.actor)
    asked = {"topics": ["offline", "online", "site_outage"], "after_s": 60, "zone": "UTC"}
    if receivers:
        asked["to"] = receivers[0][0]
    form = notices.NewChannelForm(posted(request), initial=asked, sites=sites, receivers=receivers)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = service.create_channel(
                    **form.made(), actor=request.actor, now=timezone.now()
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return _made(request, made.channel.uid, made.secret)
    context = {"form": form, "receivers": receivers, "sites": sites, "topics": notices.TOPICS}
    return render(request, "ops/notification_form.html", context, status=status)


@never_cache
@require_safe
@signed_in
def channel(request: HttpRequest, uid: str) -> HttpResponse:
    """One channel with what went over it lately."""
    card, sent = notices.channel_card(actor=request.actor, uid=uid)
    refused = notices.REFUSALS.get(request.GET.get("refused", ""), "")
    context = {"channel": card, "sent": sent, "refused": refused}
    return render(request, "ops/notification.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@in_tenant
def edit_channel(request: HttpRequest, uid: str) -> HttpResponse:
    """Show a channel to be changed; on POST change it, unless somebody else did meanwhile."""
    card, _ = notices.channel_card(actor=request.actor, uid=uid)
    shown, version = notices.initial_of(actor=request.actor, uid=uid)
    sites = notices.sites_of(request.actor)
    form = notices.ChannelForm(posted(request), initial=shown, sites=sites)
    form.keep(shown["after_s"])
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            is_email = not (card.is_webhook or card.is_own)
            try:
                service.update_channel(
                    channel_uid=uid,
                    wish=form.wish(is_webhook=card.is_webhook, is_email=is_email),
                    if_match=request.POST.get("version") or None,
                    actor=request.actor,
                    now=timezone.now(),
                )
            except errors.HomepotError as error:
                status = show_refusal(form, error)
            else:
                return redirect("ops:notification", uid)
    tag = request.POST.get("version") or str(preconditions.version_tag(version))
    context = {"form": form, "channel": card, "sites": sites, "topics": notices.TOPICS}
    return render(request, "ops/notification_form.html", context | {"version": tag}, status=status)


@require_POST
@signed_in
def test_channel(request: HttpRequest, uid: str) -> HttpResponse:
    """Have a test sent; what became of it stands on the channel's page."""
    try:
        service.send_test(channel_uid=uid, actor=request.actor, now=timezone.now())
    except errors.Conflict:
        return _refused(uid, "off")
    except errors.RateLimited:
        return _refused(uid, "many")
    return redirect("ops:notification", uid)


@require_POST
@signed_in
def pause_channel(request: HttpRequest, uid: str) -> HttpResponse:
    """Pause the channel, or with `on` have it go on."""
    wish = ChannelWish(is_paused="on" not in request.POST)
    service.update_channel(channel_uid=uid, wish=wish, actor=request.actor, now=timezone.now())
    return redirect("ops:notification", uid)


@never_cache
@require_POST
@signed_in
def rotate_secret(request: HttpRequest, uid: str) -> HttpResponse:
    """Give a webhook a new secret and show it, this once."""
    made = service.rotate_secret(channel_uid=uid, actor=request.actor, now=timezone.now())
    return _made(request, uid, made.secret)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove_channel(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask whether to, and on POST have it told nothing more."""
    if request.method == "POST":
        service.delete_channel(channel_uid=uid, actor=request.actor, now=timezone.now())
        return redirect("ops:notifications")
    card, _ = notices.channel_card(actor=request.actor, uid=uid)
    return render(request, "ops/remove_notification.html", {"channel": card})


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def use_link(request: HttpRequest, token: str) -> HttpResponse:
    """What a link in a mail does: a page asks, POST does it, from a mail program too (RFC 8058)."""
    try:
        deed, found = links.channel_of_link(token)
        if request.method == "POST":
            links.use_link(token=token, now=timezone.now())
    except errors.NotFound as error:
        raise Http404(error.message) from error
    context = {
        "deed": deed,
        "tenant_name": found.tenant.name,
        "address": links.address_of(found),
        "is_done": request.method == "POST",
    }
    return render(request, "ops/notification_link.html", context)


def _refused(uid: str, why: str) -> HttpResponse:
    return redirect(f"{reverse('ops:notification', args=[uid])}?refused={why}")


def _made(request: HttpRequest, uid: str, secret: str | None) -> HttpResponse:
    if secret is None:
        return redirect("ops:notification", uid)
    card, _ = notices.channel_card(actor=request.actor, uid=uid)
    return render(request, "ops/notification_secret.html", {"channel": card, "secret": secret})
