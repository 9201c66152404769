"""What the routes of the fleet take and give."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fleet.choices import Counting, Need, Severity
from fleet.selectors.attention import MOST
from fleet.slots import RANGES


class StandingOutput(serializers.Serializer[Any]):
    """How many devices stand how."""

    total = serializers.IntegerField()
    online = serializers.IntegerField(help_text="With the stale ones.")
    stale = serializers.IntegerField(help_text="Online, but silent for long.")
    offline = serializers.IntegerField()
    never_connected = serializers.IntegerField()
    in_sync = serializers.IntegerField()
    drifting = serializers.IntegerField()
    sync_unknown = serializers.IntegerField(help_text="Nothing was ever desired of them.")


class FleetSiteOutput(serializers.Serializer[Any]):
    """A site and how its devices stand."""

    site_id = serializers.CharField()
    name = serializers.CharField()
    tenant_uid = serializers.CharField()
    latitude = serializers.DecimalField(max_digits=9, decimal_places=6, allow_null=True)
    longitude = serializers.DecimalField(max_digits=9, decimal_places=6, allow_null=True)
    real = StandingOutput()
    simulated = StandingOutput()
    is_out = serializers.BooleanField(help_text="An outage of the whole site is going on.")


class VersionCountOutput(serializers.Serializer[Any]):
    """How many devices of a class run a firmware."""

    device_class = serializers.CharField()
    firmware_version = serializers.CharField(allow_blank=True)
    real = serializers.IntegerField()
    simulated = serializers.IntegerField()


class FleetOverviewOutput(serializers.Serializer[Any]):
    """The caller's fleet in numbers; simulated devices are told apart."""

    at = serializers.DateTimeField()
    real = StandingOutput()
    simulated = StandingOutput()
    unpaired = serializers.IntegerField(help_text="Lives of devices that have ended.")
    sites = FleetSiteOutput(many=True)
    versions = VersionCountOutput(many=True)


class AttentionQuery(serializers.Serializer[Any]):
    """Which needs, and how many of them."""

    need = serializers.ChoiceField(choices=Need.choices, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=20)


@extend_schema_field(OpenApiTypes.OBJECT)
class DetailField(serializers.Field[Any, Any, Any, Any]):
    """What more is known of a need; its members depend on the need."""

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class NeedyOutput(serializers.Serializer[Any]):
    """One thing that needs somebody."""

    need = serializers.ChoiceField(choices=Need.choices)
    severity = serializers.ChoiceField(choices=Severity.choices)
    since = serializers.DateTimeField()
    name = serializers.CharField()
    device_uid = serializers.CharField(allow_blank=True, help_text="Empty for a whole site.")
    site_id = serializers.CharField(allow_blank=True)
    is_simulated = serializers.BooleanField()
    count = serializers.IntegerField()
    detail = DetailField()


class AttentionOutput(serializers.Serializer[Any]):
    """What needs somebody, the most urgent first, and how much there is of each need."""

    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    items = NeedyOutput(many=True)


class TrendQuery(serializers.Serializer[Any]):
    """Over which time, and of which devices."""

    range = serializers.ChoiceField(choices=list(RANGES), required=False, default="24h")
    count = serializers.ChoiceField(
        choices=Counting.choices, required=False, default=Counting.REAL.value
    )


class TrendPointOutput(serializers.Serializer[Any]):
    """One step; its figures are null where no tally was taken."""

    at = serializers.DateTimeField(help_text="The beginning of the step.")
    total = serializers.IntegerField(allow_null=True)
    online = serializers.IntegerField(allow_null=True)
    online_share = serializers.FloatField(allow_null=True, help_text="0 to 1.")
    never_connected = serializers.IntegerField(allow_null=True)
    drifting = serializers.IntegerField(allow_null=True)
    failed_commands = serializers.IntegerField(allow_null=True, help_text="Within the step.")


class TrendOutput(serializers.Serializer[Any]):
    """The course of the fleet's figures."""

    range = serializers.CharField()
    step_s = serializers.IntegerField()
    counting = serializers.ChoiceField(choices=Counting.choices)
    points = TrendPointOutput(many=True)
