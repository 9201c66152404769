"""Why a command is where it is."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commands import explaining
from kernel.api.views import ApiView


class SentenceOutput(serializers.Serializer[Any]):
    """A sentence for people with a code and facts for programs."""

    code = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    facts = serializers.DictField()


class LinkOutput(serializers.Serializer[Any]):
    """One link from the first trigger to the last effect."""

    role = serializers.CharField(
        help_text="One of `trigger`, `cause`, `requester`, `batch`, `command`, `effect`."
    )
    kind = serializers.CharField()
    id = serializers.CharField(allow_blank=True)
    text = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    facts = serializers.DictField()


class ExplanationOutput(serializers.Serializer[Any]):
    """The answer to "why?"."""

    summary = SentenceOutput()
    story = SentenceOutput(many=True, help_text="What has happened, in order.")
    waits_for = SentenceOutput(
        many=True, help_text="What it waits for, the nearest first; empty once it has ended."
    )
    chain = LinkOutput(many=True, help_text="From the first trigger to the last effect.")


class CommandExplanation(ApiView):
    """Why one command is where it is."""

    @extend_schema(operation_id="command_explain", tags=["commands"], responses=ExplanationOutput)
    def get(self, request: Request, command_id: uuid.UUID) -> Response:
        """Tell what happened to a command, what it waits for, and what led to what."""
        found = explaining.explain_command(actor=request.actor, uid=command_id, now=timezone.now())
        return Response(ExplanationOutput(asdict(found)).data)
