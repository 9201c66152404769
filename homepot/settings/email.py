"""Mail, from one address: which server takes it, or none."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from homepot.settings.environment import InvalidSetting

_BACKENDS = "django.core.mail.backends"
_PORTS = {"smtp": 587, "smtps": 465}
_TLS = {"starttls": True, "none": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """Who takes mail; `is_configured` is False where nobody does."""

    is_configured: bool
    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    is_wrapped_in_tls: bool = False
    starts_tls: bool = False


def mail_server(url: str) -> MailServer:
    """What `EMAIL_URL` means. Raises InvalidSetting.

    Over `smtp` the connection is made secure by STARTTLS unless `?tls=none` says otherwise.
    """
    if not url:
        return MailServer(is_configured=False, backend=f"{_BACKENDS}.dummy.EmailBackend")
    if url.rstrip("/") == "console:":
        return MailServer(is_configured=True, backend=f"{_BACKENDS}.console.EmailBackend")
    # Not the value: it may have a password in it.
    problem = InvalidSetting("EMAIL_URL must be smtp://host, smtps://host or console:.")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        starts_tls = _TLS[parse_qs(parts.query).get("tls", ["starttls"])[0]]
    except (ValueError, KeyError):
        raise problem from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise problem
    return MailServer(
        is_configured=True,
        backend=f"{_BACKENDS}.smtp.EmailBackend",
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_wrapped_in_tls=parts.scheme == "smtps",
        starts_tls=starts_tls and parts.scheme == "smtp",
    )
