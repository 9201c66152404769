"""Devices, one row for each life of a piece of hardware; the unpaired are a list of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.models import (
    Device,
    DeviceCapability,
    DeviceConfig,
    DeviceConfigRevision,
    DeviceErasure,
    DeviceEvent,
    DeviceTag,
)
from kernel.admin import filters
from kernel.admin.base import Figure, ReadOnlyAdmin


class LifeFilter(admin.SimpleListFilter):
    """Lives that go on, unless somebody asks for those that have ended."""

    title = "life"
    parameter_name = "life"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The lives that are not shown by themselves."""
        return [("unpaired", "Unpaired"), ("all", "All lives")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What is shown without a choice is told as what it is."""
        found = list(super().choices(changelist))
        found[0]["display"] = "Going on"
        return iter(found)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that were asked for."""
        if self.value() == "unpaired":
            return queryset.filter(is_active=False)
        return queryset if self.value() == "all" else queryset.filter(is_active=True)


def _presence(word: str) -> Any:
    return lambda rows: rows.in_connectivity(word)


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    """Lives of devices, with what can be done to them."""

    list_display = (
        "uid", "name", "online", "last_seen", "pairing", "owner", "site", "device_class",
        "firmware_version", "epoch", "is_simulated",
    )  # fmt: skip
    list_display_links = ("uid", "name")
    list_filter = (
        LifeFilter,
        "pairing",
        filters.choice(
            "connectivity",
            "connectivity",
            {
                "online": ("Online", _presence("online")),
                "offline": ("Offline", _presence("offline")),
                "never_connected": ("Never connected", _presence("never_connected")),
            },
        ),
        "device_class",
        "is_simulated",
        "end_reason",
        "created_at",
    )
    list_select_related = ("presence",)
    search_fields = ("name", "uid", "hardware_id", "model")
    search_help_text = "Name, uid, hardware id or model"
    links = ("site",)
    audited_as = ("device", "uid")
    figures = (
        Figure(
            label="Devices online",
            narrow=lambda rows, now: rows.filter(is_active=True, presence__is_online=True),
            query="connectivity=online",
            tone="good",
        ),
        Figure(
            label="Devices offline",
            narrow=lambda rows, now: rows.filter(
                is_active=True, presence__is_online=False, presence__last_seen_at__isnull=False
            ),
            query="connectivity=offline",
            tone="warn",
        ),
        Figure(
            label="Unclaimed devices",
            narrow=lambda rows, now: rows.filter(is_active=True, pairing="unclaimed"),
            query="pairing__exact=unclaimed",
        ),
        Figure(
            label="Unpaired devices",
            narrow=lambda rows, now: rows.filter(is_active=False),
            query="life=unpaired",
        ),
    )

    def every_row(self) -> QuerySet[Any]:
        """All lives, with those that have ended."""
        rows: QuerySet[Any] = Device.all_objects.unscoped("the admin narrows to its viewer")
        return rows

    @admin.display(description="Online", boolean=True, ordering="presence__is_online")
    def online(self, row: Any) -> bool | None:
        """Whether it is there; unknown of one that never was."""
        presence = getattr(row, "presence", None)
        return None if presence is None or presence.last_seen_at is None else presence.is_online

    @admin.display(description="Last seen", ordering="presence__last_seen_at")
    def last_seen(self, row: Any) -> Any:
        """When it was heard last."""
        presence = getattr(row, "presence", None)
        return None if presence is None else presence.last_seen_at

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Its rows in other tables."""
        for label, model in (
            ("Commands", "commands.command"),
            ("Keys", "devices.devicecredential"),
            ("Connections", "devices.deviceconnection"),
            ("Twin", "twins.twin"),
            ("Relays", "relays.relaystate"),
            ("Readings", "telemetry.reading"),
            ("Sensors", "telemetry.devicesensorstate"),
            ("Tags", "devices.devicetag"),
        ):
            yield label, self.list_of(model, f"device={row.uid}", request)


@admin.register(DeviceCapability)
class DeviceCapabilityAdmin(ReadOnlyAdmin):
    """What devices say they can do."""

    list_display = ("device", "name", "owner")
    search_fields = ("name__startswith",)


@admin.register(DeviceTag)
class DeviceTagAdmin(ReadOnlyAdmin):
    """Tags of devices; they are changed with the devices."""

    list_display = ("device", "key", "value", "owner")
    search_fields = ("key__startswith", "value__startswith")


@admin.register(DeviceConfig)
class DeviceConfigAdmin(ReadOnlyAdmin):
    """What devices are to be set to, and what they say they are."""

    plural = "Device configurations"
    list_display = (
        "device", "owner", "version", "applied_version", "drift_since", "refused_version",
        "changed_at", "changed_by",
    )  # fmt: skip
    list_filter = (("drift_since", admin.EmptyFieldListFilter), "changed_at")
    search_fields = ("device__uid", "device__name")
    ordering = ("-changed_at",)


@admin.register(DeviceConfigRevision)
class DeviceConfigRevisionAdmin(ReadOnlyAdmin):
    """Every version a configuration had."""

    plural = "Configuration revisions"
    list_display = ("device", "version", "at", "by", "owner")
    list_filter = ("at",)
    search_fields = ("device__uid", "by__startswith")


@admin.register(DeviceEvent)
class DeviceEventAdmin(ReadOnlyAdmin):
    """What happened at the inputs of devices."""

    list_display = ("device", "input_index", "kind", "at", "received_at", "owner")
    list_filter = ("received_at",)
    search_fields = ("device__uid", "kind__startswith")


@admin.register(DeviceErasure)
class DeviceErasureAdmin(ReadOnlyAdmin):
    """Lives whose personal data is erased, with the reports."""

    list_display = (
        "uid",
        "device",
        "tenant",
        "state",
        "requested_at",
        "requested_by",
        "finished_at",
    )
    list_filter = ("state", "requested_at")
    search_fields = ("uid", "device__uid")
    date_hierarchy = "requested_at"
