"""Keep knowing that the chains hold: a little of them with each tick, all of it once a day."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from audit import selectors
from audit.chain import GENESIS
from audit.choices import ChainState
from audit.models import Verification
from audit.querysets import PLATFORM_CHAIN
from audit.services import recording, verification
from audit.services.verification import BadEntry, Head, Stretch
from kernel import errors, metrics, row_security
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

STRETCH: Final = 2_000
LOOK_EVERY: Final = timedelta(minutes=1)
WHOLE_EVERY: Final = timedelta(days=1)
# What one tick may take, and how many chains it may look at and find.
_BUDGET_S: Final = 1.0
_CHAINS: Final = 50
_ORIGIN: Final = Head(seq=0, entry_hash=GENESIS)
_MAY_ASK: Final = frozenset({"owner", "admin"})


_NO_PASS: Final[dict[str, Any]] = {"pass_began_at": None, "pass_seq": 0, "pass_hash": GENESIS}
_NO_FAULT: Final[dict[str, Any]] = {"broken_at": None, "bad_seq": None, "problem": ""}
_UNSEEN: Final = {
    **_NO_PASS,
    **_NO_FAULT,
    "head_seq": 0,
    "head_hash": GENESIS,
    "looked_at": None,
    "whole_at": None,
}


class _Search:
    """Where this process looks for chains that nobody has looked at."""

    after = -1


@row_security.platform_scope("audit.watching")
def watch(now: datetime) -> int:
    """Verify what is due, the longest waiting first; returns how many stretches were looked at.

    Safe in any number of processes: what another one has done meanwhile is not done again.
    """
    ends_at = time.monotonic() + _BUDGET_S
    _find_chains()
    looked = 0
    for row in itertools.islice(_due(now), _CHAINS):
        looked += 1
        _look(row, now)
        if time.monotonic() > ends_at:
            break
    broken = Verification.objects.unscoped("a figure of the installation")
    metrics.AUDIT_CHAINS_BROKEN.set(broken.filter(state=ChainState.BROKEN).count())
    return looked


def ask(*, chain_ids: list[int] | None = None, actor: Actor, now: datetime) -> int:
    """Have chains verified from the first entry on, soon; returns how many.

    Without `chain_ids` all those that the actor administers. Raises PermissionDenied where there
    is none, or one that they do not.
    """
    administered = {
        chain_id
        for chain_id in selectors.whole_chains_of(actor)
        if chain_id == PLATFORM_CHAIN or actor.roles.get(chain_id) in _MAY_ASK
    }
    wanted = administered if chain_ids is None else set(chain_ids)
    if not wanted or wanted - administered:
        raise errors.PermissionDenied("Administrators have the audit log verified.")
    with unit_of_work():
        for chain_id in sorted(wanted):
            Verification.objects.unscoped("administered by the actor").get_or_create(
                chain_id=chain_id
            )
            rows = Verification.objects.unscoped("administered by the actor")
            rows.filter(chain_id=chain_id).update(asked_at=now)
            recording.record(
                tenant_id=chain_id or None,
                action="audit.chain.verification_asked",
                actor=actor,
                target_type="audit_chain",
                target_id=str(chain_id),
                before=None,
                after=None,
                now=now,
            )
    return len(wanted)


def accept(*, chain_id: int, actor: Actor, now: datetime) -> None:
    """Take a broken chain as it is now, for who runs the platform: it is verified from the start.

    What was wrong stays told in the platform's own chain. Raises NotFound for a chain that is not
    broken.
    """
    if not (actor.is_system or actor.is_platform_admin):
        raise errors.PermissionDenied
    with row_security.platform_scope("audit.watching"), unit_of_work():
        rows = Verification.objects.unscoped("any chain of the platform")
        row = rows.filter(chain_id=chain_id, state=ChainState.BROKEN).first()
        if row is None:
            raise errors.NotFound("This chain is not known to be broken.")
        recording.record(
            tenant_id=None,
            action="audit.chain.accepted",
            actor=actor,
            target_type="audit_chain",
            target_id=str(chain_id),
            before={"seq": row.bad_seq, "problem": row.problem, "head": row.head_hash},
            after=None,
            now=now,
        )
        rows.filter(pk=row.pk).update(**_UNSEEN, state=ChainState.UNKNOWN)


def _find_chains() -> None:
    """Begin to watch chains that are new, going round through all of them step by step."""
    found = verification.chains_after(chain_id=_Search.after, limit=_CHAINS)
    _Search.after = found[-1] if len(found) == _CHAINS else -1
    rows = Verification.objects.unscoped("chains of the whole installation")
    known = set(rows.filter(chain_id__in=found).values_list("chain_id", flat=True))
    new = [Verification(chain_id=chain_id) for chain_id in found if chain_id not in known]
    if new:
        with unit_of_work():
            rows.bulk_create(new, ignore_conflicts=True)


def _due(now: datetime) -> Iterator[Any]:
    rows = Verification.objects.unscoped("chains of the whole installation")
    yield from rows.filter(asked_at__isnull=False).order_by("asked_at")[:_CHAINS]
    yield from rows.filter(asked_at__isnull=True, looked_at__isnull=True).order_by("pk")[:_CHAINS]
    late = rows.filter(asked_at__isnull=True, looked_at__lt=now - LOOK_EVERY)
    yield from late.order_by("looked_at")[:_CHAINS]


def _look(row: Any, now: datetime) -> None:
    """Verify the next stretch of a chain, and keep what came of it if nobody was faster."""
    known = Head(seq=row.head_seq, entry_hash=row.head_hash)
    is_whole = row.pass_began_at is not None or _wants_whole(row, now)
    if row.asked_at is not None or (is_whole and row.pass_began_at is None):
        after = _ORIGIN
    else:
        after = Head(seq=row.pass_seq, entry_hash=row.pass_hash) if is_whole else known
    bad = None if is_whole else verification.still_there(chain_id=row.chain_id, head=known)
    if bad is not None:
        found = Stretch(head=known, bad=bad, is_end=False)
    else:
        found = verification.verify_stretch(
            chain_id=row.chain_id, after=after, earlier=known, limit=STRETCH
        )
    changes = _outcome(row, known, found, is_whole=is_whole, now=now)
    with unit_of_work():
        rows = Verification.objects.unscoped("a chain that was just looked at")
        is_first = rows.filter(
            pk=row.pk, looked_at=row.looked_at, pass_seq=row.pass_seq, asked_at=row.asked_at
        ).update(**changes, looked_at=_next_look(found, is_whole, now))
        if is_first and found.bad is not None and row.state != ChainState.BROKEN:
            _cry_out(found.bad, now)


def _wants_whole(row: Any, now: datetime) -> bool:
    if row.asked_at is not None or row.whole_at is None:
        return True
    return bool(row.whole_at < now - WHOLE_EVERY)


def _next_look(found: Stretch, is_whole: bool, now: datetime) -> datetime:
    # What goes on is the first to be looked at with the next tick.
    goes_on = not found.is_end and found.bad is None
    return now - LOOK_EVERY - timedelta(seconds=1) if goes_on else now


def _outcome(
    row: Any, known: Head, found: Stretch, *, is_whole: bool, now: datetime
) -> dict[str, Any]:
    if found.bad is not None:
        return _NO_PASS | {
            "state": ChainState.BROKEN,
            "broken_at": row.broken_at or now,
            "bad_seq": found.bad.seq,
            "problem": found.bad.problem[:200],
            "asked_at": None,
            # It is looked at whole again tomorrow, or when somebody asks.
            "whole_at": now,
            "checked_at": now,
        }
    changes: dict[str, Any] = {"asked_at": None}
    if found.head.seq >= known.seq and row.state != ChainState.BROKEN:
        changes |= {"head_seq": found.head.seq, "head_hash": found.head.entry_hash}
    if is_whole and not found.is_end:
        began_at = now if row.asked_at or row.pass_began_at is None else row.pass_began_at
        return changes | {
            "pass_began_at": began_at,
            "pass_seq": found.head.seq,
            "pass_hash": found.head.entry_hash,
        }
    if is_whole:
        end = {"head_seq": found.head.seq, "head_hash": found.head.entry_hash}
        done = {"state": ChainState.INTACT, "whole_at": now, "checked_at": now}
        return changes | end | done | _NO_FAULT | _NO_PASS
    return changes | ({"checked_at": now} if found.is_end else {})


def _cry_out(bad: BadEntry, now: datetime) -> None:
    logger.error(
        "The audit log does not hold",
        extra={"chain": bad.chain_id, "seq": bad.seq, "problem": bad.problem},
    )
    recording.record(
        tenant_id=None,
        action="audit.chain.broken",
        actor=Actor.system("audit.watching"),
        target_type="audit_chain",
        target_id=str(bad.chain_id),
        before=None,
        after={"seq": bad.seq, "problem": bad.problem},
        now=now,
    )
