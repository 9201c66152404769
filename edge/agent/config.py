"""What the agent was asked to do, from the command line and the environment."""

import platform
import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edge.agent.errors import ConfigurationInvalid
from edge.agent.telemetry_store import CAPACITY, CAPACITY_BYTES
from edge.protocol.limits import MAX_RELAYS

DEFAULT_URL = "http://127.0.0.1:8000"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
DEVICE_TYPE = "homepot_agent"
# A fleet that lost its owner in one moment must not ask for new lives in one moment.
RE_ENROL_AFTER_S = 30.0
_MEGABYTE = 1024 * 1024
_MAX_NAME_CHARS = 100
_MAX_DEVICE_ID_CHARS = 64
_UNSAFE_IN_DEVICE_ID = re.compile(r"[^A-Za-z0-9_-]+")
_SITE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Everything one run of the agent needs to know; provision key and token are secrets."""

    url: str
    state_dir: Path
    provision_key: str
    relay_count: int
    driver: str
    gpio_pins: tuple[int, ...]
    interval_s: float
    name: str
    device_class: str
    hardware_id: str | None
    site_id: str | None = None
    device_id: str | None = None
    device_type: str = DEVICE_TYPE
    access_token: str = ""
    re_enrol_after_s: float = RE_ENROL_AFTER_S
    queue_readings: int = CAPACITY
    queue_bytes: int = CAPACITY_BYTES
    may_reboot: bool = False
    infrared: str = ""

    def __repr__(self) -> str:
        return f"AgentConfig(url={self.url!r}, state_dir={str(self.state_dir)!r})"

    @property
    def socket_url(self) -> str:
        """The address of the device socket at this server."""
        parts = urlsplit(self.url)
        path = f"{parts.path.rstrip('/')}/ws/device"
        return urlunsplit((_SOCKET_SCHEMES[parts.scheme], parts.netloc, path, "", ""))

    @property
    def is_local(self) -> bool:
        """Say whether the server runs on this machine."""
        return is_local(self.url)


def is_local(url: str) -> bool:
    """Say whether the server at this address runs on this machine."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def state_directory(environment: Mapping[str, str]) -> Path:
    """Return where the agent keeps its files unless told otherwise."""
    for name in ("HOMEPOT_STATE_DIR", "STATE_DIRECTORY"):
        if environment.get(name):
            return Path(environment[name])
    return Path.home() / ".local" / "state" / "homepot-agent"


def from_arguments(arguments: Namespace, environment: Mapping[str, str]) -> AgentConfig:
    """Return a checked configuration, or raise ``ConfigurationInvalid`` with the cure."""
    pins = _pins(arguments.gpio_pins)
    relay_count = len(pins) if arguments.driver == "gpio" else arguments.relays
    if not 0 <= relay_count <= MAX_RELAYS:
        raise ConfigurationInvalid(f"--relays must be from 0 to {MAX_RELAYS}")
    if arguments.interval < 1:
        raise ConfigurationInvalid("--interval must be at least one second")
    if arguments.re_enrol_after < 1:
        raise ConfigurationInvalid("--re-enrol-after must be at least one second")
    if arguments.queue_readings < 1 or arguments.queue_megabytes < 1:
        raise ConfigurationInvalid("the queue holds at least one reading and one megabyte")
    if arguments.driver == "gpio" and not pins:
        raise ConfigurationInvalid("--driver gpio needs --gpio-pins, for example 17,27,22")
    return AgentConfig(
        url=server_url(arguments.url),
        state_dir=arguments.state_dir.expanduser(),
        provision_key=_secret(environment, "DEVICE_PROVISION_KEY"),
        access_token=_secret(environment, "HOMEPOT_ACCESS_TOKEN"),
        relay_count=relay_count,
        driver=arguments.driver,
        gpio_pins=pins,
        interval_s=arguments.interval,
        name=(arguments.name or platform.node() or "homepot-agent")[:_MAX_NAME_CHARS],
        device_class=arguments.device_class,
        hardware_id=arguments.hardware_id or None,
        site_id=_site_id(arguments.site),
        device_id=_device_id(arguments.device_id),
        device_type=arguments.device_type or DEVICE_TYPE,
        re_enrol_after_s=arguments.re_enrol_after,
        queue_readings=arguments.queue_readings,
        queue_bytes=arguments.queue_megabytes * _MEGABYTE,
        may_reboot=arguments.allow_reboot,
        infrared="" if arguments.infrared == "none" else arguments.infrared,
    )


def default_device_id() -> str:
    """Return the host name in the letters a device id may have."""
    safe = _UNSAFE_IN_DEVICE_ID.sub("-", platform.node()).strip("-_").lower()
    return safe[:_MAX_DEVICE_ID_CHARS] or "homepot-agent"


def server_url(text: str) -> str:
    """Return a checked server address, or raise ``ConfigurationInvalid``."""
    parts = urlsplit(text.strip().rstrip("/"))
    if parts.scheme not in _SOCKET_SCHEMES or not parts.hostname:
        raise ConfigurationInvalid(f"--url must look like {DEFAULT_URL} or https://example.org")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _secret(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "").strip()
    if not text.isascii() or (text and not text.isprintable()):
        raise ConfigurationInvalid(f"{name} is no key: it has characters that no key has")
    return text


def _site_id(text: str) -> str | None:
    if text and not _SITE_ID.fullmatch(text):
        raise ConfigurationInvalid("--site takes the site_id of a site, for example store-12")
    return text or None


def _device_id(text: str) -> str | None:
    if len(text) > _MAX_DEVICE_ID_CHARS or _UNSAFE_IN_DEVICE_ID.search(text):
        raise ConfigurationInvalid("--device-id takes 1 to 64 of A-Z a-z 0-9 _ -")
    return text or None


def _pins(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        pins = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationInvalid("--gpio-pins takes numbers, for example 17,27,22") from None
    if len(set(pins)) != len(pins):
        raise ConfigurationInvalid("--gpio-pins names a pin twice")
    return pins
