"""One webhook: signed, sent, and what its answer means."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from django.conf import settings

from notifications import signatures, wording
from notifications.services import posting
from notifications.services.webhook_rules import rules_in_force
from notifications.types import Attempt, Outcome

_GONE: Final = 410


def send(attempt: Attempt) -> Outcome:
    """Send it once; any 2xx is an arrival, and 410 the wish to hear nothing more."""
    body = wording.webhook_body(attempt)
    signed = signatures.headers(
        message_id=attempt.delivery_uid,
        timestamp=int(time.time()),
        body=body,
        secrets=attempt.secrets,
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Homepot/{settings.HOMEPOT_VERSION}",
        "Accept": "*/*",
        **signed,
    }
    try:
        answer = posting.post(url=attempt.to, headers=headers, body=body, rules=rules_in_force())
    except (posting.AddressRefused, posting.NoAnswer) as error:
        return Outcome(is_delivered=False, error=str(error))
    if 200 <= answer.status < 300:
        return Outcome(is_delivered=True, status=answer.status)
    return Outcome(
        is_delivered=False,
        status=answer.status,
        error=f"It answered {answer.status}.",
        is_final=answer.status == _GONE,
        asked_to_wait=_seconds(answer.retry_after),
    )


def _seconds(retry_after: str) -> timedelta | None:
    """The wait that was asked for; a date in its place is not worth believing strange clocks."""
    if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 7:
        return timedelta(seconds=int(retry_after))
    return None
