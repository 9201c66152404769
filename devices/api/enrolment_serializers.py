"""What the routes of bulk enrolment take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.api.serializers import OwnerOutput
from devices.choices import EnrolmentMode, EnrolmentState, RowState
from devices.enrolment_rows import MAX_ROWS, CheckedRow
from devices.models import Enrolment, EnrolmentRow
from devices.services.enrolling import MAX_CLAIM_DAYS, DeviceList


class EnrolmentChoices(serializers.Serializer[Any]):
    """What a list is for; with CSV these come as query parameters."""

    mode = serializers.ChoiceField(
        choices=EnrolmentMode.choices, default=EnrolmentMode.API_KEY.value
    )
    site = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="For rows that name no site.",
    )
    claim_days = serializers.IntegerField(
        min_value=1,
        max_value=MAX_CLAIM_DAYS,
        default=MAX_CLAIM_DAYS,
        help_text="How long claim codes are good after the start.",
    )


class EnrolmentInput(EnrolmentChoices):
    """A list of devices as JSON; the columns are those of the CSV."""

    rows = serializers.ListField(
        child=serializers.DictField(), min_length=1, max_length=MAX_ROWS, allow_empty=False
    )

    def device_list(self) -> DeviceList:
        """The validated input for the service."""
        values = self.validated_data
        columns = {name for row in values["rows"] for name in row}
        return DeviceList(columns=columns, **values)


class EnrolmentOutput(serializers.ModelSerializer[Enrolment]):
    """An enrolment and how far it is."""

    mode = serializers.ChoiceField(choices=EnrolmentMode.choices, read_only=True)
    state = serializers.ChoiceField(choices=EnrolmentState.choices, read_only=True)
    tenant = OwnerOutput()
    has_keys = serializers.SerializerMethodField()

    class Meta:
        model = Enrolment
        fields: tuple[str, ...] = (
            "uid", "tenant", "mode", "state", "total", "invalid", "enrolled", "failed", "has_keys",
            "created_at", "created_by", "started_at", "finished_at", "downloaded_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields

    def get_has_keys(self, enrolment: Enrolment) -> bool:
        """Whether there are keys to be fetched, now or when it is over."""
        return enrolment.seal_key is not None and enrolment.enrolled > 0


class VerdictOutput(serializers.Serializer[Any]):
    """The dry run's word on one row."""

    number = serializers.IntegerField(help_text="1 is the first row below the header.")
    id = serializers.CharField(help_text="The row's device_id or hardware_id.")
    verdict = serializers.ChoiceField(choices=("valid", "invalid"))
    problems = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="By column."
    )


class CheckedOutput(EnrolmentOutput):
    """A new enrolment with the verdict on each row."""

    rows = VerdictOutput(many=True)

    class Meta(EnrolmentOutput.Meta):
        fields = (*EnrolmentOutput.Meta.fields, "rows")
        read_only_fields = fields


class StartedOutput(EnrolmentOutput):
    """An enrolment that will run, with the passphrase of its keys: shown this once."""

    passphrase = serializers.CharField()

    class Meta(EnrolmentOutput.Meta):
        fields = (*EnrolmentOutput.Meta.fields, "passphrase")
        read_only_fields = fields


class RowQuery(serializers.Serializer[Any]):
    """Which rows of an enrolment to list."""

    state = serializers.ChoiceField(choices=RowState.choices, required=False, default="")


class RowOutput(serializers.ModelSerializer[EnrolmentRow]):
    """One row with what became of it."""

    state = serializers.ChoiceField(choices=RowState.choices, read_only=True)
    given = serializers.DictField()
    problems = serializers.SerializerMethodField()

    class Meta:
        model = EnrolmentRow
        fields = ("number", "state", "given", "problems")
        read_only_fields = fields

    def get_problems(self, row: EnrolmentRow) -> dict[str, list[str]]:
        """Why it is invalid or failed, by column; `row` for the row as a whole."""
        problems: dict[str, list[str]] = row.problems or {}
        return problems


class KeysInput(serializers.Serializer[Any]):
    """The passphrase that the start gave out."""

    passphrase = serializers.CharField(max_length=100, write_only=True)


def verdicts(id_column: str, rows: list[CheckedRow]) -> list[dict[str, Any]]:
    """The dry run's rows as they are shown."""
    return [
        {
            "number": row.number,
            "id": str(row.given.get(id_column, "")),
            "verdict": "invalid" if row.problems else "valid",
            "problems": row.problems,
        }
        for row in rows
    ]
