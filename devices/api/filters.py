"""How the device list can be narrowed and ordered."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from devices import registry, selectors
from devices.choices import Connectivity, DeviceClass, KeyState, Pairing, Sync
from devices.models import Device


class DeviceFilter(django_filters.FilterSet):
    """Query parameters of `GET /devices`."""

    search = django_filters.CharFilter(
        method="filter_search", label="In name, uid, model or hardware id."
    )
    connectivity = django_filters.ChoiceFilter(
        choices=[
            (value, value)
            for value in (Connectivity.ONLINE, Connectivity.OFFLINE, Connectivity.NEVER)
        ],
        method="filter_connectivity",
    )
    device_class = django_filters.MultipleChoiceFilter(choices=DeviceClass.choices)
    pairing = django_filters.ChoiceFilter(
        choices=Pairing.choices, label="`unpaired` shows the archive, which no other list does."
    )
    is_simulated = django_filters.BooleanFilter()
    tag = django_filters.CharFilter(method="filter_tag", label="Devices that carry this tag.")
    site = django_filters.CharFilter(
        field_name="site__site_id", label="Devices at the site of this id."
    )
    capability = django_filters.CharFilter(
        field_name="capability_rows__name", label="Devices that can do this."
    )

    group = django_filters.CharFilter(
        method="filter_narrowed", label="Devices that are in the group of this uid now."
    )
    query = django_filters.CharFilter(
        method="filter_narrowed",
        label="Devices that a query finds, such as `status:online and not tag:lobby`.",
    )
    sync = django_filters.ChoiceFilter(
        choices=Sync.choices, method="filter_sync", label="Whether they are as desired."
    )

    credential = django_filters.ChoiceFilter(
        choices=KeyState.choices,
        method="filter_credential",
        label="How the device's keys stand; `old_key_in_use`: the old one is still good.",
    )

    class Meta:
        model = Device
        fields = ("device_class", "is_simulated", "firmware_version")

    def filter_search(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices that contain the text."""
        found: QuerySet[Device] = queryset.search(value)
        return found

    def filter_connectivity(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices of that connectivity."""
        found: QuerySet[Device] = queryset.in_connectivity(value)
        return found

    def filter_tag(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices with exactly this tag, `key` or `key=value`."""
        found: QuerySet[Device] = queryset.with_tag(value)
        return found

    def filter_narrowed(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices that a parameter of a higher app means."""
        if self.request is None:
            return Device.objects.none()
        found: QuerySet[Device] = registry.narrowed(name, queryset, self.request.actor, value)
        return found

    def filter_sync(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices that stand so to what is desired of them."""
        return selectors.in_sync_state(queryset, value)

    def filter_credential(self, queryset: Any, name: str, value: str) -> QuerySet[Device]:
        """Devices whose keys stand so."""
        found: QuerySet[Device] = selectors.in_key_state(queryset, value)
        return found
