"""The route by which a device gets its account at the MQTT broker."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from devicelink.mqtt import accounts
from devices.services import broker_accounts
from edge.protocol import topics
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiRequest, ApiView


class MqttTopics(serializers.Serializer[Any]):
    """The device's topics by channel."""

    up = serializers.DictField(
        child=serializers.CharField(), help_text="What it may publish, by channel."
    )
    down = serializers.DictField(
        child=serializers.CharField(), help_text="What it may subscribe to, by channel."
    )


class MqttAccountOutput(serializers.Serializer[Any]):
    """How to connect to the broker; the password is shown this once."""

    url = serializers.CharField(help_text="`mqtt://host:port` or `mqtts://host:port`.")
    username = serializers.CharField()
    password = serializers.CharField()
    client_id = serializers.CharField(help_text="The broker takes the account with no other.")
    topics = MqttTopics()
    version = serializers.CharField(help_text="Version of the topics.")


class MqttAccountView(ApiView):
    """The calling device's account at the MQTT broker; the product's root says how it proves itself."""

    permission_classes = (IsDevice,)
    # Asking again makes a new password, and no answer with one is kept.
    reads_idempotency_key = True

    @extend_schema(
        operation_id="device_mqtt_account",
        summary="Get an account at the MQTT broker",
        description=(
            "The broker knows the account when this answers. Asking again makes a new password "
            "and ends the one before, and the connection that stands on it. The account holds "
            "as long as the key it was asked for with. An Idempotency-Key changes nothing: no "
            "answer with a password is kept."
        ),
        tags=["devices: wire"],
        request=None,
        responses={201: MqttAccountOutput},
    )
    def post(self, request: ApiRequest) -> Response:
        """Make a new password and show it this once."""
        issued = accounts.open_account(
            device=request.device_facts, actor=request.actor, now=timezone.now()
        )
        answer = {
            "url": accounts.public_url(),
            "username": issued.username,
            "password": issued.password,
            "client_id": issued.client_id,
            "topics": _topics(issued.client_id),
            "version": topics.PREFIX.rpartition("/")[2],
        }
        return Response(MqttAccountOutput(answer).data, status=201)

    @extend_schema(
        operation_id="device_mqtt_account_remove",
        summary="Give the account at the MQTT broker back",
        tags=["devices: wire"],
        responses={204: None},
    )
    def delete(self, request: ApiRequest) -> Response:
        """End the account and the connection that stands on it; twice is fine."""
        broker_accounts.revoke_own_account(
            device_id=request.device_facts.device_id, actor=request.actor, now=timezone.now()
        )
        return Response(status=204)


def _topics(uid: str) -> dict[str, dict[str, str]]:
    return {
        way: {channel.value: topics.build(uid=uid, channel=channel) for channel in channels}
        for way, channels in (("up", topics.UpChannel), ("down", topics.DownChannel))
    }
