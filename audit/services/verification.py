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
    if earlier is not None and head.seq < earlier.seq:
        problem = f"missing: the log reached {earlier.seq} before"
        return head, BadEntry(chain_id=chain_id, seq=head.seq + 1, problem=problem)
    return head, None


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


def _entries(chain_id: int) -> Iterator[AuditEntry]:
    rows = AuditEntry.objects.unscoped("verification reads every chain")
    seq: int | None = None
    while True:
        page = rows.filter(chain_id=chain_id).order_by("seq")
        found = list((page if seq is None else page.filter(seq__gt=seq))[:_PAGE])
        yield from found
        if len(found) < _PAGE:
            return
        seq = found[-1].seq
