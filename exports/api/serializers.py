"""Exports as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exports import selectors
from exports.choices import ExportState, FileFormat
from exports.models import Export
from exports.services.requesting import ExportOrder


class ExportInput(serializers.Serializer[Any]):
    """What is to be in a file."""

    kind = serializers.CharField(max_length=40, help_text="`devices`, …; 400 lists them.")
    filter = serializers.DictField(
        required=False,
        default=dict,
        help_text="What of it; of devices the parameters of the list, such as `query` or `site`.",
    )
    columns = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        default=list,
        max_length=100,
        help_text="Names of columns in the order of the file; all without any.",
    )
    format = serializers.ChoiceField(choices=FileFormat.choices, default=FileFormat.CSV)
    bom = serializers.BooleanField(
        default=False, help_text="Begin CSV with a byte order mark, which old Excel wants."
    )

    def order(self) -> ExportOrder:
        """The input as the service takes it."""
        given = self.validated_data
        return ExportOrder(
            kind=given["kind"],
            choice=given["filter"],
            columns=given["columns"],
            file_format=given["format"],
            has_bom=given["bom"],
        )


class ExportOutput(serializers.ModelSerializer[Export]):
    """A file and how far it is."""

    id = serializers.CharField(source="uid")
    filter = serializers.DictField(source="choice")
    columns = serializers.ListField(child=serializers.CharField())
    format = serializers.ChoiceField(source="file_format", choices=FileFormat.choices)
    bom = serializers.BooleanField(source="has_bom")
    state = serializers.ChoiceField(choices=ExportState.choices)
    title = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField(help_text="Where the file is, once it is ready.")

    class Meta:
        model = Export
        fields = (
            "id",
            "kind",
            "title",
            "filter",
            "columns",
            "format",
            "bom",
            "state",
            "reason",
            "problem",
            "total",
            "done",
            "size",
            "created_at",
            "finished_at",
            "expires_at",
            "file",
        )
        read_only_fields = fields

    def get_title(self, export: Export) -> str:
        """What the file is of, for people."""
        return selectors.title_of(export)

    def get_file(self, export: Export) -> str | None:
        """Where the file is."""
        if export.state != ExportState.READY:
            return None
        return f"/api/v1/exports/{export.uid}/file"
