"""Check that nothing in the audit log was changed, removed or put in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit import chain
from audit.models import AuditEntry
from kernel import row_security

_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The end of a chain at some time; kept elsewhere, it shows a tail that was cut off."""

    seq: int
    entry_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BadEntry:
    """The first entry of a chain that does not hold, and why."""

    chain_id: int
    seq: int
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a verification found; `bad` has at most one entry per chain."""

    entries: int
    heads: Mapping[int, Head]
    bad: tuple[BadEntry, ...]

    @property
    def is_intact(self) -> bool:
        """True when every chain holds."""
        return not self.bad


@row_security.platform_scope("audit.verification")
def verify_chains(
    *, chain_id: int | None = None, earlier: Mapping[int, Head] | None = None
) -> Report:
    """Recompute one chain or all of them, reading in pages: memory does not grow with the log.

    `earlier` are heads of an older verification that were kept outside this database; each
    must still be where it was.
    """
    expected = dict(earlier or {})
    wanted = _chain_ids(expected) if chain_id is None else iter([chain_id])
    entries = 0
    heads: dict[int, Head] = {}
    bad: list[BadEntry] = []
    for number in wanted:
        head, problem = _verify(number, expected.get(number))
        entries += head.seq
        heads[number] = head
        if problem is not None:
            bad.append(problem)
    return Report(entries=entries, heads=heads, bad=tuple(bad))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a chain that was looked at: its last entry that holds, and whether it was the end."""

    head: Head
    bad: BadEntry | None
    is_end: bool


def verify_stretch(*, chain_id: int, after: Head, earlier: Head, limit: int) -> Stretch:
    """Verify at most `limit` entries that follow `after`; `earlier` must still be where it was.

    Within platform-wide work.
    """
    head, looked = after, 0
    for entry in _entries(chain_id, after=after.seq, page=min(limit, _PAGE)):
        if looked == limit:
            return Stretch(head=head, bad=None, is_end=False)
        problem = _problem(head, entry, earlier)
        if problem is not None:
            bad = BadEntry(chain_id=chain_id, seq=entry.seq, problem=problem)
            return Stretch(head=head, bad=bad, is_end=False)
        head, looked = Head(seq=entry.seq, entry_hash=entry.entry_hash), looked + 1
    return Stretch(head=head, bad=_missing(chain_id, head, earlier), is_end=True)


def still_there(*, chain_id: int, head: Head) -> BadEntry | None:
    """Whether an entry that was found right is where it was; within platform-wide work."""
    if head.seq == 0:
        return None
    rows = AuditEntry.objects.unscoped("verification reads every chain")
    entry = rows.filter(chain_id=chain_id, seq=head.seq).first()
    if entry is None:
        problem = f"missing: the log reached {head.seq} before"
    elif entry.entry_hash != head.entry_hash:
        problem = "history was rewritten since the earlier verification"
    elif entry.entry_hash != _recomputed(entry.previous_hash, entry):
        problem = "its content was changed"
    else:
        return None
    return BadEntry(chain_id=chain_id, seq=head.seq, problem=problem)


def chains_after(*, chain_id: int, limit: int) -> list[int]:
    """The next chains that have entries, in order of their numbers; within platform-wide work."""
    rows = AuditEntry.objects.unscoped("verification reads every chain")
    found: list[int] = []
    while len(found) < limit:
        # One step in the index each: reading them all at once would read the whole log.
        following = rows.filter(chain_id__gt=chain_id).order_by("chain_id")
        step = following.values_list("chain_id", flat=True)[:1]
        if not step:
            break
        chain_id = step[0]
        found.append(chain_id)
    return found


def _chain_ids(expected: Mapping[int, Head]) -> Iterator[int]:
    rows = AuditEntry.objects.unscoped("verification reads every chain")
    stored = set(rows.order_by().values_list("chain_id", flat=True).distinct())
    return iter(sorted(stored | set(expected)))


def _verify(chain_id: int, earlier: Head | None) -> tuple[Head, BadEntry | None]:
    """The last entry that holds, and the first that does not."""
    head = Head(seq=0, entry_hash=chain.GENESIS)
    for entry in _entries(chain_id):
        problem = _problem(head, entry, earlier)
        if problem is not None:
            return head, BadEntry(chain_id=chain_id, seq=entry.seq, problem=problem)
        head = Head(seq=entry.seq, entry_hash=entry.entry_hash)
    return head, _missing(chain_id, head, earlier)


def _missing(chain_id: int, head: Head, earlier: Head | None) -> BadEntry | None:
    if earlier is None or head.seq >= earlier.seq:
        return None
    problem = f"missing: the log reached {earlier.seq} before"
    return BadEntry(chain_id=chain_id, seq=head.seq + 1, problem=problem)


def _problem(head: Head, entry: AuditEntry, earlier: Head | None) -> str | None:
    if entry.seq != head.seq + 1:
        return f"entries before it are missing, from {head.seq + 1}"
    if entry.previous_hash != head.entry_hash:
        return "it does not continue the entry before it"
    if entry.entry_hash != _recomputed(head.entry_hash, entry):
        return "its content was changed"
    if earlier is not None and entry.seq == earlier.seq and entry.entry_hash != earlier.entry_hash:
        return "history was rewritten since the earlier verification"
    return None


def _recomputed(previous_hash: str, entry: AuditEntry) -> str:
    try:
        return chain.entry_hash(previous_hash, entry.facts())
    except chain.NotRecordable:
        # Only a forged row holds what could never have been recorded.
        return ""


def _entries(chain_id: int, *, after: int | None = None, page: int = _PAGE) -> Iterator[AuditEntry]:
    rows = AuditEntry.objects.unscoped("verification reads every chain")
    seq = after
    while True:
        ordered = rows.filter(chain_id=chain_id).order_by("seq")
        found = list((ordered if seq is None else ordered.filter(seq__gt=seq))[:page])
        yield from found
        if len(found) < page:
            return
        seq = found[-1].seq
