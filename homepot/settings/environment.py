"""The only reader of the process environment: every variable with type, default and meaning.

`VARIABLES` is the table that `docs/settings.md` repeats and a test compares. Each variable may
also be given as `NAME_FILE`, the path of a file that holds the value (Docker and Kubernetes
secrets); surrounding white space in such a file is not part of the value.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["str", "int", "bool", "list", "path"]


class InvalidSetting(Exception):
    """A variable is set to something its kind does not allow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One environment variable of the product."""

    name: str
    kind: Kind
    default: str
    description: str
    secret: bool = False


def _variable(name: str, kind: Kind, default: str, description: str, **more: bool) -> Variable:
    return Variable(name=name, kind=kind, default=default, description=description, **more)


VARIABLES: tuple[Variable, ...] = (
    _variable(
        "HOMEPOT_MODE", "str", "embedded", "`embedded` (one process, SQLite) or `production`."
    ),
    _variable("HOST", "str", "127.0.0.1", "Address the server binds to."),
    _variable("PORT", "int", "8000", "Port the server binds to."),
    _variable(
        "HOMEPOT_DATA_DIR", "path", "data", "Folder of the embedded database and made secrets."
    ),
    _variable(
        "HOMEPOT_DEMO", "bool", "1", "`make run` adds this machine's agent and one simulated board."
    ),
    _variable(
        "HOMEPOT_ADMIN_EMAIL", "str", "admin@homepot.local", "E-mail of the first administrator."
    ),
    _variable(
        "HOMEPOT_ADMIN_PASSWORD",
        "str",
        "",
        "Password of the first administrator; made when empty.",
        secret=True,
    ),
    _variable(
        "SECRET_KEY",
        "str",
        "",
        "Signs cookies and keyed digests; made in embedded mode.",
        secret=True,
    ),
    _variable(
        "HOMEPOT_JWT_KEYS",
        "str",
        "",
        "`kid:secret` pairs by comma; the first signs access tokens.",
        secret=True,
    ),
    _variable(
        "DEVICE_PROVISION_KEY", "str", "", "Key a new device shows to be registered.", secret=True
    ),
    _variable(
        "DATABASE_URL",
        "str",
        "",
        "PostgreSQL address for the app role; SQLite when empty.",
        secret=True,
    ),
    _variable(
        "DATABASE_OWNER_URL",
        "str",
        "",
        "PostgreSQL address of the owner role; `migrate` uses it.",
        secret=True,
    ),
    _variable(
        "REDIS_URL",
        "str",
        "",
        "Redis for the bus between processes; in-process when empty.",
        secret=True,
    ),
    _variable(
        "MQTT_URL",
        "str",
        "",
        "MQTT broker, with the ingest account; no MQTT when empty.",
        secret=True,
    ),
    _variable(
        "MQTT_CONTROL_URL",
        "str",
        "",
        "The broker with the account that manages the devices' accounts.",
        secret=True,
    ),
    _variable("MQTT_PUBLIC_URL", "str", "", "The broker's address as devices are told it."),
    _variable(
        "MQTT_CA_FILE", "str", "", "Certificates the broker is checked with; the system's if empty."
    ),
    _variable(
        "ALLOWED_HOSTS", "list", "localhost,127.0.0.1,[::1]", "Host names the server answers to."
    ),
    _variable(
        "PUBLIC_URL", "str", "", "Address users and devices reach; from the request when empty."
    ),
    _variable(
        "ENFORCE_HTTPS",
        "bool",
        "0",
        "Answer 426 `https_required` to plain HTTP (loopback excepted).",
    ),
    _variable(
        "TRUST_PROXY", "list", "", "Proxy networks (CIDR) whose X-Forwarded-* headers count."
    ),
    _variable("CORS_ALLOWED_ORIGINS", "list", "", "Origins that browsers may call the API from."),
    _variable("METRICS_TOKEN", "str", "", "Bearer token that opens `/metrics`.", secret=True),
    _variable(
        "METRICS_ALLOW", "list", "127.0.0.1/32,::1/128", "Networks (CIDR) that may read `/metrics`."
    ),
    _variable(
        "HOMEPOT_DEVICE_TOKEN_IN_QUERY", "bool", "0", "Accept `?uid=&token=` on `/ws/device`."
    ),
    _variable("LOG_LEVEL", "str", "INFO", "Least severe log level that is written."),
    _variable("LOG_FORMAT", "str", "", "`json` or `console`; json in production when empty."),
    _variable("DEBUG", "bool", "0", "Django's debug pages; refused in production."),
    _variable(
        "OFFLINE_AFTER_SECONDS", "int", "60", "Silence after which a device counts as offline."
    ),
    _variable(
        "PRESENCE_BACKEND",
        "str",
        "auto",
        "Where signs of life are kept: `memory`, `redis`, or `auto` (Redis where there is one).",
    ),
    _variable(
        "PRESENCE_SEED_KEYS",
        "bool",
        "1",
        "Write `device:status:<uid>` and `device:lastseen:<uid>` to Redis for others to read.",
    ),
    _variable(
        "ACK_TIMEOUT_SECONDS",
        "int",
        "10",
        "Silence after which a sent command's outcome is unknown.",
    ),
    _variable(
        "COMMAND_QUEUE_LIMIT", "int", "50", "Open commands of one device, apart from switches."
    ),
    _variable("ACCESS_TOKEN_SECONDS", "int", "600", "Life of an access token."),
    _variable("REFRESH_TOKEN_DAYS", "int", "30", "Life of a refresh token."),
    _variable(
        "LOGIN_ATTEMPTS_PER_MINUTE", "int", "10", "Logins tried per account and per address."
    ),
    _variable("PROVISIONS_PER_MINUTE", "int", "60", "Device registrations per address."),
    _variable("CLAIM_CODE_HOURS", "int", "168", "Life of a claim code."),
    _variable("WEB_THREADS", "int", "8", "Threads that serve pages and the API."),
    _variable("DATABASE_THREADS", "int", "4", "Threads that do database work for sockets."),
    _variable("MAX_DEVICE_SOCKETS", "int", "10000", "Device sockets held by one process."),
    _variable("MAX_DEVICE_HANDSHAKES", "int", "64", "Device handshakes in progress at once."),
    _variable("MAX_CLIENT_SOCKETS", "int", "2000", "Browser sockets held by one process."),
    _variable(
        "AUDIT_ADDRESSES", "bool", "1", "Keep the caller's network address in audit entries."
    ),
    _variable("TELEMETRY_RAW_DAYS", "int", "14", "Days that single readings are kept."),
    _variable("TELEMETRY_5M_DAYS", "int", "90", "Days that buckets of five minutes are kept."),
    _variable("TELEMETRY_1H_DAYS", "int", "1826", "Days that hourly buckets are kept."),
    _variable("GROUP_JOURNAL_DAYS", "int", "90", "Days that the journal of memberships is kept."),
    _variable("TWIN_REPORTED_DAYS", "int", "30", "Days that former reported states are kept."),
    _variable(
        "EMAIL_URL",
        "str",
        "",
        "`smtp://user:password@host:587?tls=starttls`, `smtps://…`, or `console:`; no mail if empty.",
        secret=True,
    ),
    _variable("EMAIL_FROM", "str", "homepot@localhost", "Sender of mails."),
    _variable(
        "WEBHOOK_ALLOW_NETWORKS",
        "list",
        "",
        "Networks (CIDR) of your own that webhooks may reach besides the public Internet.",
    ),
    _variable("WEBHOOK_ALLOW_HTTP", "bool", "0", "Let webhooks go over plain HTTP too."),
    _variable("WEBHOOK_PORTS", "list", "443,8443", "Ports that webhooks may go to."),
    _variable(
        "HOMEPOT_FAILPOINT",
        "str",
        "",
        "For tests: a place to die or sleep at, `name:kill` or `name:sleep:seconds`.",
    ),
)

_BY_NAME = {variable.name: variable for variable in VARIABLES}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class Environment:
    """Typed view of environment variables; unknown names are a programming error."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def text(self, name: str) -> str:
        """The variable as text, from NAME, else from the file NAME_FILE, else its default."""
        default = _BY_NAME[name].default
        if name in self._source:
            return self._source[name].strip()
        file_name = self._source.get(f"{name}_FILE")
        if file_name:
            return Path(file_name).read_text(encoding="utf-8").strip()
        return default

    def integer(self, name: str) -> int:
        """The variable as a whole number of at least 0."""
        text = self.text(name)
        if not text.isdecimal():
            raise InvalidSetting(f"{name} must be a whole number, not {text!r}.")
        return int(text)

    def boolean(self, name: str) -> bool:
        """The variable as yes or no."""
        text = self.text(name).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise InvalidSetting(f"{name} must be 1 or 0, not {text!r}.")

    def items(self, name: str) -> list[str]:
        """The variable as a list, split at commas."""
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def path(self, name: str) -> Path:
        """The variable as an absolute path."""
        return Path(self.text(name)).expanduser().resolve()


environment = Environment(os.environ)


def settings_module() -> str:
    """Name of the settings module for `HOMEPOT_MODE`."""
    mode = environment.text("HOMEPOT_MODE")
    if mode not in {"embedded", "production"}:
        raise InvalidSetting(f"HOMEPOT_MODE must be embedded or production, not {mode!r}.")
    return f"homepot.settings.{mode}"
