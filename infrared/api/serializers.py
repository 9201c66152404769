"""What the routes about infrared codes take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from commands.api.answers import WaitInput
from commands.api.request_serializers import DocumentField
from infrared.choices import Source
from infrared.services import codes, kinds
from infrared.types import IrCodeInput


class IrCodeBody(serializers.Serializer[Any]):
    """A code as Pronto hex, or as a carrier with its timings."""

    name = serializers.CharField(max_length=codes.MAX_NAME)
    pronto = serializers.CharField(
        required=False, help_text="Words of four hexadecimal digits, the first of them 0000."
    )
    frequency_hz = serializers.IntegerField(required=False, help_text="The carrier.")
    timings = DocumentField(
        required=False,
        help_text="Lengths of marks and spaces in turn, in microseconds, a mark first.",
    )
    repeat_from = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The number of the timing from which on a held button repeats; null: none does.",
    )
    protocol = serializers.CharField(
        max_length=codes.MAX_PROTOCOL, required=False, allow_blank=True
    )
    repeat = serializers.IntegerField(
        min_value=1,
        max_value=codes.MAX_REPEAT,
        required=False,
        help_text="How often it is sent when nobody says.",
    )

    def given(self) -> IrCodeInput:
        """The validated input for the service."""
        return IrCodeInput(**self.validated_data)


class IrCodePatch(IrCodeBody):
    """An edit of a code; what is left out stays, and a signal is replaced as a whole."""

    name = serializers.CharField(max_length=codes.MAX_NAME, required=False)


class IrCodeSummary(serializers.Serializer[Any]):
    """A code in a list."""

    id = serializers.UUIDField(source="uid")
    name = serializers.CharField()
    frequency_hz = serializers.IntegerField()
    length = serializers.IntegerField(help_text="How many marks and spaces it has.")
    duration_us = serializers.IntegerField(help_text="How long one transmission takes.")
    protocol = serializers.CharField(allow_blank=True)
    repeat = serializers.IntegerField()
    source = serializers.ChoiceField(choices=Source.choices)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    updated_at = serializers.DateTimeField()


class IrCodeOutput(IrCodeSummary):
    """A code with its signal in both ways to write it."""

    timings = serializers.ListField(child=serializers.IntegerField())
    repeat_from = serializers.IntegerField(allow_null=True)
    pronto = serializers.CharField(
        allow_null=True, help_text="Null where Pronto has no words for the signal."
    )


class LearnInput(WaitInput):
    """What is to be learnt, and for how long the device listens."""

    name = serializers.CharField(max_length=codes.MAX_NAME)
    timeout_s = serializers.IntegerField(
        min_value=kinds.SHORTEST_LEARNING_S,
        max_value=kinds.LONGEST_LEARNING_S,
        default=kinds.USUAL_LEARNING_S,
    )


class TransmitInput(WaitInput):
    """How often a code is to be sent."""

    repeat = serializers.IntegerField(
        min_value=1,
        max_value=codes.MAX_REPEAT,
        required=False,
        help_text="Left out: as often as the code says.",
    )
