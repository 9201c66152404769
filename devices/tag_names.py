"""Tags as people write them: `key` or `key=value`, one value for each key."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

MAX_TAGS = 50
MAX_TAG = 100
# Control characters, halves of pairs, and ends of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


class WrongTag(ValueError):
    """A text that is no tag; says why in a sentence."""


class Tag(NamedTuple):
    """One tag; an empty value: it is only a key."""

    key: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


def parsed(text: str) -> Tag:
    """The tag that a text writes, without the spaces around its parts. Raises WrongTag.

    What follows the first `=` is the value; `key=` is the same as `key`.
    """
    tag = kept(text)
    if not tag.key:
        raise WrongTag("A tag begins with its key: `key` or `key=value`.")
    if len(str(tag)) > MAX_TAG:
        raise WrongTag(f"At most {MAX_TAG} characters.")
    if any(unicodedata.category(sign) in _UNSEEN for sign in str(tag)):
        raise WrongTag("A tag has no line breaks and no other signs that cannot be seen.")
    return tag


def kept(text: str) -> Tag:
    """The tag that a text which was kept writes, whatever rules hold for new ones."""
    key, _, value = (part.strip() for part in text.partition("="))
    return Tag(key, value)


def parsed_all(texts: Iterable[str]) -> dict[str, Tag]:
    """The tags by their keys; empty texts are none. Raises WrongTag, also for two of one key."""
    found: dict[str, Tag] = {}
    for text in texts:
        if not text.strip():
            continue
        tag = parsed(text)
        if found.setdefault(tag.key, tag) != tag:
            raise WrongTag(f"{tag.key!r} has two values. A key has one.")
    if len(found) > MAX_TAGS:
        raise WrongTag(f"At most {MAX_TAGS} tags.")
    return found


def written(tags: Iterable[Tag]) -> list[str]:
    """The tags as a device shows them, in order."""
    return sorted(map(str, tags))
