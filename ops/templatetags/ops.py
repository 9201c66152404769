"""Template tags of the console: icons, words, times, the sidebar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ops import navigation, wording

register = template.Library()

register.filter("state_label", lambda value: wording.STATE_LABELS.get(value, value))
register.filter("state_tone", lambda value: wording.STATE_TONES.get(value, "idle"))
register.filter("connectivity_label", lambda value: wording.CONNECTIVITY_LABELS.get(value, value))
register.filter("pairing_label", lambda value: wording.PAIRING_LABELS.get(value, value))
register.filter("device_class", wording.device_class)


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """An icon of the sprite, hidden from assistive technology: the text beside it speaks."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f" icon--{size}" if size else "",
        static("homepot/icons.svg"),
        name,
    )


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
    return {
        "request": request,
        "actor": request.actor,
        "sections": navigation.sections_for(request.actor),
        "current": match.view_name if match else "",
        "csrf_token": context.get("csrf_token"),
    }
