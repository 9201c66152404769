"""Template tags of the console: icons, words, times, the sidebar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.pages import arrangements
from devices import qr
from ops import documents, modules, navigation, people, stylesheets, tenancy, wording

register = template.Library()

register.filter("state_label", lambda value: wording.STATE_LABELS.get(value, value))
register.filter("state_tone", lambda value: wording.STATE_TONES.get(value, "idle"))
register.filter("connectivity_label", lambda value: wording.CONNECTIVITY_LABELS.get(value, value))
register.filter("pairing_label", lambda value: wording.PAIRING_LABELS.get(value, value))
register.filter("device_class", wording.device_class)
register.filter("enrolment_label", lambda value: wording.ENROLMENT_LABELS.get(value, value))
register.filter("enrolment_tone", lambda value: wording.ENROLMENT_TONES.get(value, "idle"))
register.filter("row_label", lambda value: wording.ROW_LABELS.get(value, value))
register.filter("row_tone", lambda value: wording.ROW_TONES.get(value, "idle"))
register.filter("batch_key_label", lambda value: wording.BATCH_KEY_LABELS.get(value, value))
register.filter("batch_label", lambda value: wording.BATCH_LABELS.get(value, value))
register.filter("batch_tone", lambda value: wording.BATCH_TONES.get(value, "idle"))
register.filter("role_label", lambda value, kind: people.label_of(value, is_family=kind))


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """An icon of the sprite, hidden from assistive technology: the text beside it speaks."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f" icon--{size}" if size else "",
        static("homepot/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def root_attributes(context: Context) -> SafeString:
    """What the viewer has arranged, on the root element: the first paint has it on every browser."""
    request = context.get("request")
    if request is None:
        return SafeString("")
    theme = arrangements.theme(request)
    settings = {
        "chosen-theme": theme,
        "theme": "" if theme == "system" else theme,
        "keys": arrangements.setting(request, "keys", ("off",)),
        "menu": arrangements.setting(request, "sidebar", ("narrow",)),
    }
    return format_html_join(
        "", ' data-{}="{}"', ((name, value) for name, value in settings.items() if value)
    )


@register.simple_tag(takes_context=True)
def viewer_zone(context: Context) -> SafeString:
    """The time zone the viewer chose, for the scripts that write times; nothing without a choice."""
    zone = arrangements.within(context["request"], "dashboard_settings", "time_zone")
    if not isinstance(zone, str) or not zone:
        return SafeString("")
    return format_html(' data-time-zone="{}"', zone)


@register.simple_tag
def console_styles() -> SafeString:
    """Links to the style sheets of the console: one, or its parts for who works on them."""
    if settings.STATIC_BUNDLES:
        return format_html('<link rel="stylesheet" href="{}">', static("bundles/console.css"))
    return format_html_join(
        "\n    ",
        '<link rel="stylesheet" href="{}">',
        ((static(f"homepot/css/{name}.css"),) for name in stylesheets.CONSOLE),
    )


@register.simple_tag(takes_context=True)
def module(context: Context, name: str) -> SafeString:
    """A script of the page, with the modules it brings along fetched at once, not one by one."""
    # The page's own scripts name much of what the frame's has named already.
    render: Any = context.render_context
    told: set[str] = render.setdefault("modules_told", set())
    new = [part for part in modules.brought_along(name) if part not in told]
    told.update(new)
    preloads = format_html_join(
        "", '<link rel="modulepreload" href="{}">\n    ', ((static(part),) for part in new)
    )
    return format_html('{}<script type="module" src="{}"></script>', preloads, static(name))


@register.simple_tag
def moment(at: datetime | None, missing: str = "Never") -> SafeString:
    """A time as `12 min ago`, absolute in its title; the page's script keeps it true."""
    if at is None:
        return format_html('<time data-relative data-missing="{}">{}</time>', missing, missing)
    return format_html(
        '<time data-relative data-missing="{}" datetime="{}" title="{}">{}</time>',
        missing,
        at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{at.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC",
        since(at, now=timezone.now()),
    )


def since(at: datetime, *, now: datetime) -> str:
    """How long ago, in the largest unit that fits; the same steps as static time.js."""
    seconds = int((now - at).total_seconds())
    if seconds < 5:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


@register.filter
def duration(value: timedelta | None) -> str:
    """A span of time as `84 ms`, `2.4 s` or `3 min`."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


@register.simple_tag(takes_context=True)
def filter_url(context: Context, **changes: str) -> str:
    """The current address with some parameters changed; paging starts over."""
    parameters = context["request"].GET.copy()
    parameters.pop("after", None)
    parameters.pop("before", None)
    for name, value in changes.items():
        parameters.pop(name, None)
        if value:
            parameters[name] = value
    return f"?{parameters.urlencode()}"


@register.inclusion_tag("components/sidebar.html", takes_context=True)
def sidebar(context: Context) -> Mapping[str, Any]:
    """The navigation of the console for the current viewer."""
    request = context["request"]
    match = request.resolver_match
    tenants = tenancy.choices_of(getattr(request, "signed_in", None))
    return {
        "request": request,
        "actor": request.actor,
        "sections": navigation.sections_for(request.actor, is_staff=request.user.is_staff),
        "current": match.view_name if match else "",
        "csrf_token": context.get("csrf_token"),
        "tenants": tenants,
        "shows_all": not any(tenant.is_shown for tenant in tenants),
        # A page that answers a form cannot be gone back to.
        "back": request.get_full_path() if request.method == "GET" else "/",
    }


@register.simple_tag(takes_context=True)
def tenant_query(context: Context) -> str:
    """What an address needs to stay in the tenant the page acts in: `?tenant=…`, or nothing."""
    uid = getattr(context["request"], "tenant_uid", "")
    return f"?{urlencode({'tenant': uid})}" if uid else ""


@register.simple_tag(takes_context=True)
def tenant_field(context: Context) -> SafeString:
    """The hidden field by which a form stays in the tenant the page acts in."""
    uid = getattr(context["request"], "tenant_uid", "")
    if not uid:
        return SafeString("")
    return format_html('<input type="hidden" name="tenant" value="{}">', uid)


register.filter("end_label", lambda value: wording.END_LABELS.get(value, "Unpaired"))
register.filter("end_sentence", lambda value: wording.END_SENTENCES.get(value, "It ended"))
register.filter("begin_sentence", lambda value: wording.BEGIN_SENTENCES.get(value, "It began"))
register.filter("key_label", lambda value: wording.KEY_LABELS.get(value, value))
register.filter("transfer_label", lambda value: wording.TRANSFER_LABELS.get(value, value))
register.filter("transfer_tone", lambda value: wording.TRANSFER_TONES.get(value, "idle"))
register.filter("erasure_label", lambda value: wording.ERASURE_LABELS.get(value, value))
register.filter("plain", wording.plain)
register.filter("hardware", wording.hardware)
register.filter("clock", wording.clock)
register.filter("in_line", documents.in_line)
register.filter("lasting", wording.lasting)


@register.simple_tag
def day(at: datetime | None, missing: str = "") -> SafeString:
    """A date people say, `14 Mar 2026, 09:12 UTC`; the page's script puts it in their own zone."""
    if at is None:
        return format_html("{}", missing)
    utc = at.astimezone(UTC)
    return format_html(
        '<time data-absolute datetime="{}">{}</time>',
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{utc.day} {utc:%b %Y, %H:%M} UTC",
    )


@register.filter
def span(value: timedelta) -> str:
    """How long something lasted, as people say it: `12 days`, `3 hours`, `less than a minute`."""
    seconds = int(value.total_seconds())
    for size, unit in ((86400 * 365, "year"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return wording.count_of(seconds // size, unit)
    return "less than a minute"


@register.simple_tag
def claim_picture(address: str) -> SafeString:
    """The QR code of an address that opens the claim page."""
    # The picture is made of paths only; nothing of the address stands in it as text.
    return mark_safe(qr.claim_qr_svg(address))  # noqa: S308


@register.filter
def of(values: Mapping[str, Any], key: str) -> Any:
    """What a mapping has under a key, None without one."""
    return values.get(key)
