"""The one place where a twin changes: under its device's lock, with its history and its drift."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from devices.types import Happening, SessionFacts
from kernel import live
from kernel.compiled import Insert, Select, Slot, Update
from kernel.errors import Conflict
from kernel.events import publish
from kernel.locking import lock_rows
from notifications.choices import Kind
from notifications.services import intents
from twins import delta, events, history, stamps
from twins.choices import Origin, Section
from twins.models import Twin, TwinRevision
from twins.selectors.twins import sync_of

# With every so many versions the whole document is kept: no more than these are ever undone.
WHOLE_EVERY: Final = 32
# A device may report for ever and as fast as it likes: its oldest versions go before their time.
MOST_REPORTED: Final = 20_000
_LOOKED_AT_EVERY: Final = 100
_TWIN = Select(
    lambda *unread: (
        Twin.objects.unscoped("the twin of the device whose lock is held")
        .filter(device_id=Slot("device_id"))
        .defer(*unread)
    )
)
_COLUMNS = Update(
    lambda: Twin.objects.unscoped("the twin of the device whose lock is held").filter(
        device_id=Slot("device_id"), edition=Slot("edition")
    )
)
_REVISION = Insert(TwinRevision)


class Keeper:
    """A twin within a unit of work whose device's lock is held, and what is changed of it.

    Nothing reaches the database before `save`; what is `unread` must not be looked at.
    """

    def __init__(self, facts: SessionFacts, now: datetime, *, unread: str = "") -> None:
        kind = (unread,) if unread else ()
        found: Twin | None = _TWIN.first(*kind, device_id=facts.device_id)
        self._is_new = found is None
        self.twin = found or Twin(device_id=facts.device_id, tenant_id=facts.tenant_id)
        self.device_uid = facts.device_uid
        self._read_edition = self.twin.edition
        self._now = now
        self._columns: dict[str, Any] = {}
        self._revisions: list[TwinRevision] = []
        self._outdone: TwinRevision | None = None

    @property
    def is_shown_change(self) -> bool:
        """Whether anything changed that readers are shown."""
        return bool(self._columns.keys() - {"reported_seq", "reported_epoch"})

    def set(self, **columns: Any) -> None:
        """Change columns that tell nothing of the documents."""
        for name, value in columns.items():
            if getattr(self.twin, name) != value:
                self._put(name, value)

    def desire(
        self,
        document: dict[str, Any],
        *,
        by: str,
        cause: list[Any],
        origin: Origin,
        restored: int | None = None,
    ) -> list[history.Change]:
        """Make this the desired document; returns what changed, and without a change does nothing."""
        twin = self.twin
        changes = history.changes_between(twin.desired, document)
        if not changes:
            return changes
        at, version = self._after(twin.desired_at), twin.desired_version + 1
        stamp = stamps.microseconds(at)
        self._put("desired_stamps", _restamped(twin.desired_stamps, twin.desired, document, stamp))
        self._put(
            "tombstones",
            stamps.bury(twin.tombstones, changes, document, at=stamp, version=version),
        )
        self._put("desired", document)
        self._put("desired_version", version)
        self._put("desired_at", at)
        self._put("desired_by", by[:200])
        self._note(Section.DESIRED, version, at, changes, document, by, cause, origin, restored)
        return changes

    def outbid(self, version: int, *, by: str, cause: list[Any]) -> None:
        """Give the desired document the number after one that only the device knows of.

        The revision says which version it restores and changes nothing. Of several in a row the
        last is kept: a device that goes on so must not fill the table.
        """
        twin = self.twin
        present = _revision(twin.device_id, twin.desired_version)
        self._outdone = present if present is not None and present.is_outbid else None
        restored = twin.desired_version if self._outdone is None else self._outdone.restored
        at = self._after(twin.desired_at)
        self._put("desired", twin.desired)
        self._put("desired_version", version + 1)
        self._put("desired_at", at)
        self._put("desired_by", by[:200])
        self._put("applied_version", 0)
        self._note(
            Section.DESIRED, version + 1, at, [], twin.desired, by, cause, Origin.RESTORE, restored
        )

    def report(
        self, document: dict[str, Any], *, by: str, cause: list[Any], origin: Origin
    ) -> list[history.Change]:
        """Make this the reported document, likewise."""
        twin = self.twin
        changes = history.changes_between(twin.reported, document)
        if not changes:
            return changes
        at, version = self._after(twin.reported_at), twin.reported_version + 1
        stamp = stamps.microseconds(at)
        self._put(
            "reported_stamps", _restamped(twin.reported_stamps, twin.reported, document, stamp)
        )
        self._put("reported", document)
        self._put("reported_version", version)
        self._put("reported_at", at)
        self._note(Section.REPORTED, version, at, changes, document, by, cause, origin, None)
        return changes

    def forget_removals(self) -> None:
        """Let go of what was desired once and the device has given up since."""
        twin = self.twin
        left = stamps.lay_to_rest(twin.tombstones, twin.reported, twin.applied_version)
        if len(left) != len(twin.tombstones):
            self._put("tombstones", left)

    def save(self) -> None:
        """Judge the drift, write, and tell; without a change nothing happens."""
        if not self._columns:
            return
        if self._columns.keys() & {"desired", "reported", "tombstones"}:
            self._judge()
        if self.is_shown_change:
            self._put("edition", self.twin.edition + 1)
            self._put("updated_at", self._now)
        self._write()
        if self.is_shown_change:
            self._tell()

    def _after(self, last: datetime | None) -> datetime:
        """Now, or the moment of the last version where the clock has been set back since."""
        return self._now if last is None else max(self._now, last)

    def _put(self, name: str, value: Any) -> None:
        setattr(self.twin, name, value)
        self._columns[name] = value

    def _note(
        self,
        section: Section,
        version: int,
        at: datetime,
        changes: list[history.Change],
        document: dict[str, Any],
        by: str,
        cause: list[Any],
        origin: Origin,
        restored: int | None,
    ) -> None:
        self._revisions.append(
            TwinRevision(
                device_id=self.twin.device_id,
                tenant_id=self.twin.tenant_id,
                section=section,
                version=version,
                at=at,
                by=by[:200],
                origin=origin,
                restored=restored,
                cause=cause,
                changes=[change.as_json() for change in changes],
                document=None if version % WHOLE_EVERY else document,
            )
        )

    def _judge(self) -> None:
        twin = self.twin
        is_drifting = not delta.is_in_sync(twin.desired, twin.reported, twin.tombstones)
        if is_drifting == twin.is_drifting:
            return
        if twin.tenant_id is not None and twin.is_drifting and self._was_told():
            # Who was to be told of it and was not yet need not hear of it any more.
            ended = Happening(
                kind=Kind.DRIFT_ENDED,
                tenant_id=twin.tenant_id,
                at=self._now,
                device_id=twin.device_id,
            )
            intents.note([ended])
        self._put("is_drifting", is_drifting)
        self._put("drift_since", self._now if is_drifting else None)
        self._put("drift_told_at", None)
        change = events.DriftBegan if is_drifting else events.DriftEnded
        publish(change(occurred_at=self._now, device_id=twin.device_id))

    def _was_told(self) -> bool:
        """Whether somebody was told of the drift, also by a job that does so this very moment."""
        rows: Any = Twin.objects.unscoped("the twin of the device whose lock is held")
        row = lock_rows(rows.filter(pk=self.twin.pk).only("pk", "drift_told_at"))
        return bool(row) and row[0].drift_told_at is not None

    def _write(self) -> None:
        twin = self.twin
        if self._is_new:
            twin.updated_at = self._now
            twin.save(force_insert=True)
        else:
            where = {"device_id": twin.device_id, "edition": self._read_edition}
            if not _COLUMNS.run(where=where, **self._columns):
                raise Conflict
        if self._outdone is not None:
            self._outdone.delete()
        _REVISION.many(self._revisions)
        if "reported" in self._columns and twin.reported_version % _LOOKED_AT_EVERY == 0:
            self._forget_oldest_reports()

    def _forget_oldest_reports(self) -> None:
        rows: Any = TwinRevision.objects.unscoped("versions of the device whose lock is held")
        oldest = self.twin.reported_version - MOST_REPORTED
        reported = rows.filter(device_id=self.twin.device_id, section=Section.REPORTED)
        reported.filter(version__lte=oldest)._raw_delete(rows.db)

    def _tell(self) -> None:
        twin = self.twin
        for section, event in (
            (Section.DESIRED, events.DesiredChanged),
            (Section.REPORTED, events.ReportedChanged),
        ):
            if section.value in self._columns:
                version = getattr(twin, f"{section.value}_version")
                publish(event(occurred_at=self._now, device_id=twin.device_id, version=version))
        live.append(
            tenant_id=twin.tenant_id,
            kind="twin_changed",
            payload=live_payload(twin, self.device_uid),
            now=self._now,
        )


def _revision(device_id: int, version: int) -> TwinRevision | None:
    rows: Any = TwinRevision.objects.unscoped("a version of the device whose lock is held")
    found = rows.filter(device_id=device_id, section=Section.DESIRED, version=version).first()
    return cast("TwinRevision | None", found)


def live_payload(twin: Twin, device_uid: str) -> dict[str, Any]:
    """The `twin_changed` event: versions and drift, not the documents."""
    return {
        "device_uid": device_uid,
        "desired_version": twin.desired_version,
        "reported_version": twin.reported_version,
        "applied_version": twin.applied_version,
        "sync": str(sync_of(twin)),
        "drift_since": None if twin.drift_since is None else twin.drift_since.isoformat(),
    }


def _restamped(tree: Any, old: Any, new: dict[str, Any], stamp: int) -> Any:
    """The stamps of a whole document, which has none of its own when it is empty."""
    return stamps.restamped(tree, old, new, stamp) if new else {}
