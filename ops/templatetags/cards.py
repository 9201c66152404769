"""Cards that fold, and stay as their reader left them."""

from __future__ import annotations

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.pages import arrangements
from ops.templatetags.ops import icon

register = template.Library()


@register.simple_block_tag(takes_context=True)
def card(  # noqa: PLR0913  each is an option of the tag
    context: Context,
    content: SafeString,
    key: str,
    title: str,
    *,
    note: str = "",
    refresh: str = "",
    classes: str = "",
    flush: bool = False,
    folded: bool = False,
    hidden: bool = False,
) -> SafeString:
    """A titled card that folds; `key` is `<page>.<card>`, under which its state is kept.

    `refresh` makes it a region of that name, `flush` lets tables reach its edges, `folded` has it
    closed at first, `note` is a quiet word beside the title.
    """
    return format_html(
        '<details class="{}"{}{}{}{}>'
        '<summary class="fold-card__head"><h2 class="fold-card__title" id="{}">{}</h2>{}{}</summary>'
        '<div class="fold-card__body">{}</div></details>',
        " ".join(filter(None, ("card fold-card", "card--flush" if flush else "", classes))),
        format_html(' data-refresh="{}"', refresh) if refresh else "",
        card_state(context, key, folded=folded),
        SafeString(" hidden") if hidden else "",
        format_html(' aria-labelledby="{}"', title_id(key)),
        title_id(key),
        title,
        format_html('<span class="fold-card__note">{}</span>', note) if note else "",
        icon("chevron"),
        content,
    )


@register.simple_tag(takes_context=True)
def card_state(context: Context, key: str, *, folded: bool = False) -> SafeString:
    """The attributes of a `<details>` of your own that is remembered: `<details{% card_state … %}>`."""
    request = context.get("request")
    stands_open = (
        not folded if request is None else arrangements.is_open(request, key, at_first=not folded)
    )
    return format_html(
        ' data-card="{}"{}{}',
        key,
        SafeString(" data-card-folded") if folded else "",
        SafeString(" open") if stands_open else "",
    )


def title_id(key: str) -> str:
    """The id of a card's title, for who points at it."""
    return f"card-{key.replace('.', '-')}"
