"""Template tags about the span of time in an address."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_SPAN = ("range", "from", "to", "before", "page")


@register.simple_tag(takes_context=True)
def url_with(context: Context, **named: str) -> str:
    """The address of this page with another span; everything else it asks for stays."""
    parameters = context["request"].GET.copy()
    for name in _SPAN:
        parameters.pop(name, None)
    for name, value in named.items():
        parameters[name] = value
    return f"?{parameters.urlencode()}"


@register.simple_tag(takes_context=True)
def fields_without(context: Context, *left_out: str) -> SafeString:
    """What the address asks for as hidden fields of a form that asks for something else of it."""
    dropped = {"before", "page", *left_out}
    lists = context["request"].GET.lists()
    return format_html_join(
        "",
        '<input type="hidden" name="{}" value="{}">',
        ((name, value) for name, values in lists if name not in dropped for value in values),
    )


@register.filter
def utc_input(moment: datetime) -> str:
    """A moment as a field for date and time holds it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"


@register.simple_tag
def exact(at: datetime) -> SafeString:
    """A moment to the second, `21 Nov 2026, 23:51:07 UTC`; the page's script puts it in their own zone."""
    utc = at.astimezone(UTC)
    return format_html(
        '<time data-exact datetime="{}">{}</time>',
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{utc.day} {utc:%b %Y, %H:%M:%S} UTC",
    )


@register.simple_tag
def lag(measured: datetime, arrived: datetime) -> str:
    """How long something was on its way: `0.2 s later`."""
    seconds = (arrived - measured).total_seconds()
    return (
        "at once"
        if abs(seconds) < 0.05
        else f"{abs(seconds):.1f} s {'later' if seconds > 0 else 'earlier'}"
    )
