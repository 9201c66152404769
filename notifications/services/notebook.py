"""What channels were told of devices and sites, read once for many changes and written back once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import Max, Q, QuerySet

from notifications.choices import Kind, NoticeState
from notifications.models import Notice

_BATCH: Final = 500
_OPEN: Final = (NoticeState.WAITING, NoticeState.FOLDED)
# Why an absence is not told to who wants to hear of returns only; it counts as known all the same.
NOT_ASKED: Final = "not_asked"
_OF_SITES: Final = (Kind.SITE_OUTAGE, Kind.SITE_OUTAGE_ENDED)
_Pair = tuple[int, int]


class Notebook:
    """Open notices by device and by site, what was told last, and what is new.

    Nothing reaches the database before `write`; the unit of work around it all sees to it that
    nobody else plans meanwhile.
    """

    def __init__(
        self,
        *,
        channel_ids: Collection[int],
        device_ids: Collection[int],
        site_pks: Collection[int],
        lost_site_pks: Collection[int],
    ) -> None:
        self._new: list[Notice] = []
        self._changed: dict[int, Notice] = {}
        self._of_device: dict[_Pair, list[Notice]] = defaultdict(list)
        self._of_site: dict[_Pair, list[Notice]] = defaultdict(list)
        notices = _among(channel_ids)
        still_open = notices.filter(state__in=_OPEN)
        for notice in still_open.filter(device_id__in=device_ids).order_by("pk"):
            self._of_device[notice.channel_id, notice.device_id or 0].append(notice)
        known = {notice.pk: notice for notice in self._all()}
        for notice in still_open.filter(site_pk__in=lost_site_pks, device_id__isnull=False):
            self._of_site[notice.channel_id, notice.site_pk or 0].append(
                known.get(notice.pk, notice)
            )
        self._told = _last_told(notices, device_ids)
        self._outages = _last_of_sites(notices, site_pks)

    def waiting_of(self, channel_id: int, device_id: int) -> list[Notice]:
        """Notices about the device that the channel was not told yet."""
        return [row for row in self._of_device[channel_id, device_id] if row.state in _OPEN]

    def folded_at(self, channel_id: int, site_pk: int) -> list[Notice]:
        """Losses at the site that stand behind its outage."""
        return self._at(channel_id, site_pk, NoticeState.FOLDED)

    def losses_at(self, channel_id: int, site_pk: int, *, since: datetime) -> list[Notice]:
        """Losses at the site since then that wait to be told one by one."""
        waiting = self._at(channel_id, site_pk, NoticeState.WAITING)
        return [row for row in waiting if row.says_online is False and row.at >= since]

    def told_online(self, channel_id: int, device_id: int) -> bool | None:
        """How the device stands as far as the channel was told; None: it was told nothing."""
        return self._told.get((channel_id, device_id))

    def outage_of(self, channel_id: int, site_pk: int | None) -> Notice | None:
        """The outage of the site that the channel was, or will be, told of and that is not over."""
        if site_pk is None:
            return None
        last = self._outages.get((channel_id, site_pk))
        return last if last is not None and last.kind == Kind.SITE_OUTAGE else None

    def add(self, notice: Notice) -> None:
        """Have one more notice."""
        self._new.append(notice)
        if notice.device_id is not None:
            self._of_device[notice.channel_id, notice.device_id].append(notice)
            if notice.site_pk is not None:
                self._of_site[notice.channel_id, notice.site_pk].append(notice)
        elif notice.site_pk is not None:
            self._outages[notice.channel_id, notice.site_pk] = notice

    def withdraw(self, notice: Notice, reason: str) -> None:
        """Have it not told."""
        self._move(notice, NoticeState.WITHDRAWN, reason)
        if notice.device_id is None and notice.site_pk is not None:
            self._outages.pop((notice.channel_id, notice.site_pk), None)

    def fold(self, notice: Notice) -> None:
        """Have it stand behind the outage of its site."""
        self._move(notice, NoticeState.FOLDED, "site_outage")

    def unfold(self, notice: Notice, *, due_at: datetime) -> None:
        """Have it told by itself after all."""
        self._move(notice, NoticeState.WAITING, "")
        notice.due_at = due_at

    def write(self) -> None:
        """Bring everything into the database."""
        Notice.objects.bulk_create(self._new, batch_size=_BATCH, ignore_conflicts=True)
        groups: dict[tuple[str, str, datetime], list[int]] = defaultdict(list)
        for key, notice in self._changed.items():
            groups[notice.state, notice.state_reason, notice.due_at].append(key)
        rows: Any = Notice.objects.unscoped("notices that were read for this")
        for (state, reason, due_at), keys in groups.items():
            for start in range(0, len(keys), _BATCH):
                # One that went into a delivery meanwhile stays there.
                still = rows.filter(pk__in=keys[start : start + _BATCH], state__in=_OPEN)
                still.update(state=state, state_reason=reason, due_at=due_at)

    def _all(self) -> Iterable[Notice]:
        return (notice for group in self._of_device.values() for notice in group)

    def _at(self, channel_id: int, site_pk: int, state: NoticeState) -> list[Notice]:
        return [row for row in self._of_site[channel_id, site_pk] if row.state == state]

    def _move(self, notice: Notice, state: NoticeState, reason: str) -> None:
        notice.state, notice.state_reason = state, reason
        if notice.pk is not None:
            self._changed[notice.pk] = notice


def _among(channel_ids: Collection[int]) -> QuerySet[Notice]:
    rows = Notice.objects.unscoped("notices of the channels that are told")
    found: QuerySet[Notice] = rows.filter(channel_id__in=channel_ids)
    return found


def _last_told(notices: QuerySet[Notice], device_ids: Collection[int]) -> dict[_Pair, bool | None]:
    is_known = Q(state=NoticeState.BATCHED) | Q(state=NoticeState.WITHDRAWN, state_reason=NOT_ASKED)
    told = notices.filter(is_known, device_id__in=device_ids, says_online__isnull=False)
    newest = told.order_by().values("channel_id", "device_id").annotate(newest=Max("pk"))
    rows = notices.filter(pk__in=newest.values("newest"))
    return {(row.channel_id, row.device_id or 0): row.says_online for row in rows}


def _last_of_sites(notices: QuerySet[Notice], site_pks: Collection[int]) -> dict[_Pair, Notice]:
    told = notices.filter(
        site_pk__in=site_pks,
        kind__in=_OF_SITES,
        device_id__isnull=True,
        state__in=[NoticeState.WAITING, NoticeState.BATCHED],
    )
    newest = told.order_by().values("channel_id", "site_pk").annotate(newest=Max("pk"))
    rows = notices.filter(pk__in=newest.values("newest"))
    return {(row.channel_id, row.site_pk or 0): row for row in rows}
