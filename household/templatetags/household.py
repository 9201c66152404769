"""Template tags of the app: its style sheets and its places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from household import stylesheets

register = template.Library()

# Address, label, icon, and the pages that belong to it.
_PLACES = (
    ("home", "Home", "home", ("device", "edit-device", "favourite", "unpair-device")),
    ("activity", "Activity", "clock", ()),
    ("add", "Add", "plus", ("setup-name", "setup-room", "setup-test", "setup-done")),
    ("my-family", "Family", "people", ("family", "invite", "person", "remove-person")),
    ("settings", "Settings", "gear", ("notifications",)),
)
_STEPS = ("power", "code", "name", "room", "test", "done")
_SYNC = {
    "in_sync": ("check", "In sync"),
    "drift": ("clock", "Drift: settings wait for it"),
    "unknown": ("info", "Sync unknown"),
}


@register.simple_tag
def app_styles() -> SafeString:
    """Links to the style sheets of the app: one, or its parts for who works on them."""
    return format_html_join(
        "\n    ",
        '<link rel="stylesheet" href="{}">',
        ((static(name),) for name in stylesheets.linked()),
    )


@register.inclusion_tag("household/places.html", takes_context=True)
def app_places(context: Context, look: str) -> Mapping[str, Any]:
    """Where one can go in the app: as a bar of tabs, or as a rail beside the page."""
    match = context["request"].resolver_match
    current = match.url_name if match and match.app_name == "household" else ""
    return {
        "look": look,
        "places": [
            {
                "url": f"household:{name}",
                "label": label,
                "icon": icon,
                "is_current": current == name,
                "is_near": current in inside,
            }
            for name, label, icon, inside in _PLACES
        ],
    }


@register.filter
def sync_chip(value: str) -> tuple[str, str]:
    """Icon and words for whether a device has the settings it should have."""
    return _SYNC.get(value, _SYNC["unknown"])


@register.filter
def day_key(at: datetime) -> str:
    """The day of a moment in UTC, to group by; the page's script puts it in the reader's zone."""
    return f"{at:%Y-%m-%d}"


@register.inclusion_tag("household/progress.html")
def wizard_progress(step: str) -> Mapping[str, Any]:
    """How far the setup of a device is."""
    number = _STEPS.index(step) + 1 if step in _STEPS else 1
    return {"number": number, "of": len(_STEPS)}
