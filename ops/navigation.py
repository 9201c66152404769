"""What the sidebar offers, and to whom."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.actors import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One entry of the sidebar: a named page or a plain address."""

    label: str
    icon: str
    url_name: str = ""
    address: str = ""
    also_current: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A titled group of destinations."""

    title: str
    destinations: tuple[Destination, ...]


_OPERATE = Section(
    title="Operate",
    destinations=(
        Destination(
            label="Devices", icon="devices", url_name="ops:devices", also_current=("ops:device",)
        ),
        Destination(label="Add a device", icon="plus", url_name="ops:claim"),
    ),
)
_BUILD = Section(
    title="Build",
    destinations=(Destination(label="API reference", icon="book", address="/api/docs/"),),
)
_ADMINISTER = Section(
    title="Administer",
    destinations=(Destination(label="Administration", icon="shield", address="/admin/"),),
)


def sections_for(actor: Actor) -> tuple[Section, ...]:
    """The sections this viewer may follow; administration only for platform administrators."""
    if actor.is_platform_admin:
        return (_OPERATE, _BUILD, _ADMINISTER)
    return (_OPERATE, _BUILD)
