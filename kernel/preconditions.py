"""If-Match and If-None-Match (RFC 9110, 8.8.3 and 13.1): what they name, and whether it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Characters of an entity tag: visible ones without the quote, and what Latin-1 has above ASCII.
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_SPACE: Final = " \t"


class MalformedPrecondition(ValueError):
    """The header names no entity tags; it must not be taken for one that was not sent."""


@dataclass(frozen=True, slots=True)
class EntityTag:
    """The name of one version of a document."""

    opaque: str
    is_weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.is_weak else ""}"{self.opaque}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """What a precondition names: some tags, or any version at all (`*`)."""

    tags: tuple[EntityTag, ...] = ()
    is_any: bool = False

    def match_strongly(self, current: EntityTag | None) -> bool:
        """Whether If-Match holds: a weak tag is never equal to anything."""
        if current is None:
            return False
        return self.is_any or (not current.is_weak and current in self.tags)

    def match_weakly(self, current: EntityTag | None) -> bool:
        """Whether If-None-Match finds the version: strength does not count."""
        if current is None:
            return False
        return self.is_any or current.opaque in {tag.opaque for tag in self.tags}


def parse(header: str) -> EntityTags:
    """What the field's value names; raises MalformedPrecondition for anything but its grammar."""
    if header.strip(_SPACE) == "*":
        return EntityTags(is_any=True)
    tags: list[EntityTag] = []
    place, may_follow = 0, True
    while place < len(header):
        if header[place] in _SPACE:
            place += 1
        elif header[place] == ",":
            place, may_follow = place + 1, True
        else:
            found = _TAG.match(header, place) if may_follow else None
            if found is None:
                raise MalformedPrecondition(header)
            tags.append(EntityTag(found[2], is_weak=found[1] is not None))
            place, may_follow = found.end(), False
    if not tags:
        raise MalformedPrecondition(header)
    return EntityTags(tuple(tags))


def version_tag(version: int) -> EntityTag:
    """The strong tag of a numbered version."""
    return EntityTag(str(version))


def if_match_holds(header: str | None, current: EntityTag | None) -> bool:
    """Whether a change may go on: also when the header was not sent. Raises MalformedPrecondition.

    `current` is None for what does not exist.
    """
    return header is None or parse(header).match_strongly(current)


def is_unchanged(header: str | None, current: EntityTag | None) -> bool:
    """Whether If-None-Match says that the reader has the present version.

    A malformed header saves the reader nothing and costs it nothing: it gets the document.
    """
    if header is None:
        return False
    try:
        return parse(header).match_weakly(current)
    except MalformedPrecondition:
        return False
