"""What the agent was asked to do, from the command line and the environment."""

import platform
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edge.agent.errors import ConfigurationInvalid
from edge.protocol.limits import MAX_RELAYS

DEFAULT_URL = "http://127.0.0.1:8000"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
_MAX_NAME_CHARS = 100
_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Everything one run of the agent needs to know; the provision key is a secret."""

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
        return urlsplit(self.url).hostname in LOOPBACK_HOSTS


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
    if arguments.driver == "gpio" and not pins:
        raise ConfigurationInvalid("--driver gpio needs --gpio-pins, for example 17,27,22")
    return AgentConfig(
        url=_server_url(arguments.url),
        state_dir=arguments.state_dir.expanduser(),
        provision_key=environment.get("DEVICE_PROVISION_KEY", "").strip(),
        relay_count=relay_count,
        driver=arguments.driver,
        gpio_pins=pins,
        interval_s=arguments.interval,
        name=(arguments.name or platform.node() or "homepot-agent")[:_MAX_NAME_CHARS],
        device_class=arguments.device_class,
        hardware_id=arguments.hardware_id or None,
    )


def _server_url(text: str) -> str:
    parts = urlsplit(text.strip().rstrip("/"))
    if parts.scheme not in _SOCKET_SCHEMES or not parts.hostname:
        raise ConfigurationInvalid(f"--url must look like {DEFAULT_URL} or https://example.org")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


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
