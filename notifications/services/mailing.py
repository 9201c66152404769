"""One mail, handed to the installation's mail server."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from notifications import wording
from notifications.services import links
from notifications.types import Attempt, Outcome

TIMEOUT_S = 15


def send(attempt: Attempt) -> Outcome:
    """Hand it over; a mail server that refuses the receiver is believed for good."""
    if not settings.EMAIL_CONFIGURED:
        return Outcome(is_delivered=False, error="This installation sends no mail.")
    unsubscribe = links.link(
        deed=links.UNSUBSCRIBE, channel_uid=attempt.channel_uid, address=attempt.to
    )
    confirm = links.link(deed=links.CONFIRM, channel_uid=attempt.channel_uid, address=attempt.to)
    headers = {
        "Message-ID": f"<{attempt.delivery_uid}@homepot>",
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe and attempt.purpose != "disabled":
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMessage(
        subject=wording.subject(attempt),
        body=wording.text(attempt, confirm=confirm, unsubscribe=unsubscribe),
        to=[attempt.to],
        headers=headers,
        connection=get_connection(timeout=TIMEOUT_S) if _is_smtp() else None,
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refusal:
        code = max((code for code, _ in refusal.recipients.values()), default=0)
        is_final = 500 <= code < 600
        return Outcome(
            is_delivered=False, status=code, error="The address was refused.", is_final=is_final
        )
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Outcome(is_delivered=False, error=f"The mail server: {type(error).__name__}.")
    return Outcome(is_delivered=True)


def _is_smtp() -> bool:
    return bool(settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"))
