"""What the sidebar offers, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accounts.permissions import has_role
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
        Destination(label="Overview", icon="overview", url_name="ops:overview"),
        Destination(
            label="Devices",
            icon="devices",
            url_name="ops:devices",
            also_current=(
                "ops:device",
                "ops:device-connections",
                "ops:device-lives",
                "ops:device-unpair",
                "ops:device-release",
                "ops:device-rotate",
                "ops:device-transfer",
                "ops:device-erase",
                "ops:device-twin",
                "ops:device-commands",
                "ops:device-config",
                "ops:device-telemetry",
                "ops:device-readings",
                "ops:device-codes",
                "ops:device-timeline",
                "ops:device-audit",
                "ops:device-credentials",
                "ops:device-views",
                "ops:bulk",
            ),
        ),
        Destination(
            label="Groups",
            icon="hybrid",
            url_name="ops:groups",
            also_current=(
                "ops:group",
                "ops:new-group",
                "ops:edit-group",
                "ops:remove-group",
                "ops:group-ask",
            ),
        ),
        Destination(
            label="Commands",
            icon="terminal",
            url_name="ops:commands",
            also_current=("ops:command",),
        ),
        Destination(
            label="Batches", icon="batches", url_name="ops:batches", also_current=("ops:batch",)
        ),
        Destination(label="Add a device", icon="plus", url_name="ops:claim"),
        Destination(
            label="Transfers",
            icon="transfer",
            url_name="ops:transfers",
            also_current=("ops:transfer-accept",),
        ),
        Destination(
            label="Maintenance",
            icon="clock",
            url_name="ops:maintenance",
            also_current=("ops:new-maintenance",),
        ),
    ),
)
_LOOK_BACK = Section(
    title="Look back",
    destinations=(
        Destination(
            label="Audit", icon="book", url_name="ops:audit", also_current=("ops:audit-entry",)
        ),
        Destination(label="Archive", icon="archive", url_name="ops:archive"),
        Destination(label="Set aside", icon="alert", url_name="ops:set-aside"),
        Destination(
            label="Exports",
            icon="download",
            url_name="ops:exports",
            also_current=("ops:export-devices",),
        ),
    ),
)
_MANAGE = Section(
    title="Manage",
    destinations=(
        Destination(
            label="Sites",
            icon="site",
            url_name="ops:sites",
            also_current=(
                "ops:site",
                "ops:site-connectivity",
                "ops:new-site",
                "ops:edit-site",
                "ops:remove-site",
                "ops:register-device",
            ),
        ),
        Destination(
            label="Notifications",
            icon="bell",
            url_name="ops:notifications",
            also_current=("ops:notification", "ops:new-notification", "ops:edit-notification"),
        ),
        Destination(
            label="People",
            icon="people",
            url_name="ops:people",
            also_current=(
                "ops:tenant-people",
                "ops:rename-tenant",
                "ops:invite",
                "ops:member",
                "ops:remove-member",
                "ops:leave-tenant",
                "ops:hand-over",
                "ops:new-tenant",
            ),
        ),
    ),
)
# For who takes devices in.
_TAKE_IN = (
    Destination(
        label="Bulk enrolment",
        icon="upload",
        url_name="ops:enrol",
        also_current=(
            "ops:enrolment",
            "ops:start-enrolment",
            "ops:cancel-enrolment",
            "ops:enrolment-keys",
        ),
    ),
    Destination(
        label="Provisioning keys",
        icon="key",
        url_name="ops:keys",
        also_current=("ops:new-key", "ops:key"),
    ),
)
_ELSEWHERE = Section(
    title="Elsewhere",
    destinations=(
        Destination(label="The app", icon="phone", url_name="household:home"),
        Destination(label="API reference", icon="book", address="/api/docs/"),
    ),
)
_ADMINISTRATION = Destination(label="Administration", icon="shield", address="/admin/")
_STAFF = Section(title="Administer", destinations=(_ADMINISTRATION,))
_ADMINISTER = Section(
    title="Administer",
    destinations=(
        Destination(
            label="Users",
            icon="people",
            url_name="ops:users",
            also_current=("ops:user", "ops:user-change"),
        ),
        _ADMINISTRATION,
    ),
)


def sections_for(actor: Actor, *, is_staff: bool = False) -> tuple[Section, ...]:
    """The sections this viewer may follow: bulk work only where they take devices in.

    Users are for platform administrators, the administration also for whom they made staff.
    """
    manage = _MANAGE
    if any(has_role(actor, tenant_id, "admin") for tenant_id in actor.tenant_ids):
        manage = replace(manage, destinations=manage.destinations + _TAKE_IN)
    sections = (_OPERATE, manage, _LOOK_BACK, _ELSEWHERE)
    if actor.is_platform_admin:
        return (*sections, _ADMINISTER)
    return (*sections, _STAFF) if is_staff else sections
