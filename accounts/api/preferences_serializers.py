"""What the preferences route takes and answers; the service checks what is inside."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PreferencesBody(serializers.Serializer[Any]):
    """A user's preferences; every member is an object and may be missing."""

    dashboard_layout = serializers.DictField(required=False)
    dashboard_settings = serializers.DictField(required=False)
    device_view_state = serializers.DictField(required=False)
    notification_settings = serializers.DictField(required=False)


class PreferencesPatch(serializers.Serializer[Any]):
    """A merge patch (RFC 7396): null removes, what is left out stays."""

    dashboard_layout = serializers.DictField(required=False, allow_null=True)
    dashboard_settings = serializers.DictField(required=False, allow_null=True)
    device_view_state = serializers.DictField(required=False, allow_null=True)
    notification_settings = serializers.DictField(required=False, allow_null=True)
