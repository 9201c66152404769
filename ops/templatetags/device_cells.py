"""Template tags and filters of the device list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django import template
from django.template.context import Context

from ops import forms
from ops.device_columns import Column
from ops.selectors import DeviceCard

register = template.Library()

register.filter("urldecode", unquote_plus)
register.filter("filter_label", lambda name: forms.FILTER_LABELS.get(name, name))


@register.filter
def cell(device: DeviceCard, column: Column) -> Any:
    """What a column has of a device."""
    return column.cell(device)


@register.filter
def as_query(items: Iterable[tuple[str, str]]) -> str:
    """Names and values as an address carries them."""
    return urlencode(list(items))


@register.simple_tag(takes_context=True)
def filter_out(context: Context, name: str) -> str:
    """The current address without one of its parameters; paging starts over."""
    parameters = context["request"].GET.copy()
    for gone in (name, "after", "before"):
        parameters.pop(gone, None)
    return f"?{parameters.urlencode()}"
