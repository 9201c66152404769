"""The command line: ``homepot-agent run``, ``register``, ``rotate-key`` and ``status``."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from edge.agent import VERSION, config, identity, registration, rotation, telemetry_store
from edge.agent.drivers import BOARD_FILE, DRIVERS, file_board
from edge.agent.errors import AgentStopped, ConfigurationInvalid, ServerUnavailable
from edge.agent.identity import Identity
from edge.agent.runner import Runner
from edge.protocol import strict_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code (0 stopped, 2 usage, 3 refused, 4 busy, 5 state)."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.command(parsed)
    except AgentStopped as stopped:
        sys.stderr.write(f"homepot-agent: {stopped}\n")
        return stopped.exit_code
    except ServerUnavailable as fault:
        sys.stderr.write(f"homepot-agent: {fault}; run the same command again\n")
        return 1
    except OSError as fault:
        sys.stderr.write(f"homepot-agent: {fault}\n")
        return 1
    return code


def _run(parsed: argparse.Namespace) -> int:
    _configure_logs(parsed.log_level)
    wanted = config.from_arguments(parsed, os.environ)
    asyncio.run(_run_until_signalled(Runner(wanted, announce=_announce)))
    return 0


async def _run_until_signalled(runner: Runner) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    await runner.run()


def _register(parsed: argparse.Namespace) -> int:
    _configure_logs(parsed.log_level)
    wanted = config.from_arguments(parsed, os.environ)
    me, is_new = registration.register_once(wanted)
    _announce(me)
    if not is_new:
        sys.stdout.write(_REGISTERED_BEFORE)
    return 0


def _rotate_key(parsed: argparse.Namespace) -> int:
    directory: Path = parsed.state_dir.expanduser()
    me = identity.load(directory) if directory.is_dir() else None
    if me is None:
        raise ConfigurationInvalid(f"there is no device in {directory}: register this machine")
    url = config.server_url(parsed.url) if parsed.url else me.server_url
    rotation.rotate(directory, me, key=_given_key(parsed.key_file), url=url)
    sys.stdout.write(f"device {me.device_uid} has its new key\n")
    return 0


def _given_key(file: Path | None) -> str:
    """Return the key from where no other process can read it: a file, a pipe, the terminal."""
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if sys.stdin.isatty():
        return getpass("new key: ").strip()
    return sys.stdin.readline().strip()


def _status(parsed: argparse.Namespace) -> int:
    directory: Path = parsed.state_dir.expanduser()
    known = identity.load(directory) if directory.is_dir() else None
    facts: dict[str, Any] = {"state_dir": str(directory), "provisioned": known is not None}
    if known is not None:
        facts |= {
            "server_url": known.server_url,
            "device_uid": known.device_uid,
            "site": known.site_id,
            "device_id": known.device_id,
            "hardware_id": known.hardware_id,
            "claim_code": known.claim_code,
            "claim_expires_at": known.claim_expires_at,
            "relays": list(file_board.load(directory / BOARD_FILE)[0]),
            "telemetry_pending": telemetry_store.count_pending(
                directory / telemetry_store.TELEMETRY_FILE
            ),
        }
    _print_status(facts, as_json=parsed.json)
    return 0


def _print_status(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(strict_json.dumps(facts) + "\n")
        return
    for name, value in facts.items():
        sys.stdout.write(f"{name.replace('_', ' ')}: {'-' if value is None else value}\n")


def _announce(me: Identity) -> None:
    place = "" if me.site_id is None else f", {me.device_id} of site {me.site_id}"
    sys.stdout.write(f"device {me.device_uid} at {me.server_url}{place}\n")
    if me.claim_code is not None:
        sys.stdout.write(f"claim code {me.claim_code} (until {me.claim_expires_at})\n")
    sys.stdout.flush()


def _configure_logs(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    # At DEBUG this library writes the request headers, and with them the device's key.
    logging.getLogger("websockets").setLevel(logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homepot-agent", description="Makes this machine a device of a Homepot installation."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="connect and stay connected", description=_RUN_HELP)
    run.set_defaults(command=_run)
    _add_device(run)
    register = commands.add_parser(
        "register", help="become a device of a site", description=_REGISTER_HELP
    )
    register.set_defaults(command=_register)
    _add_device(register, needs_site=True)
    rotate = commands.add_parser(
        "rotate-key", help="use a new key, read from standard input", description=_ROTATE_HELP
    )
    rotate.set_defaults(command=_rotate_key)
    _add_state_dir(rotate)
    rotate.add_argument("--key-file", type=Path, help="read the key from this file instead")
    rotate.add_argument("--url", default="", help="the server, if it moved")
    status = commands.add_parser("status", help="show what is stored, without the key")
    status.set_defaults(command=_status)
    _add_state_dir(status)
    status.add_argument("--json", action="store_true")
    return parser


def _add_device(parser: argparse.ArgumentParser, *, needs_site: bool = False) -> None:
    _add_state_dir(parser)
    parser.add_argument("--url", default=os.environ.get("HOMEPOT_URL") or config.DEFAULT_URL)
    parser.add_argument("--site", default="", required=needs_site, help="site_id of its site")
    parser.add_argument("--device-id", default="", help="its id at the site (host name)")
    parser.add_argument("--device-type", default=config.DEVICE_TYPE)
    parser.add_argument("--relays", type=int, default=0, help="relays of the file board (0)")
    parser.add_argument("--driver", choices=sorted(DRIVERS), default="file")
    parser.add_argument("--gpio-pins", default="", help="one BCM pin per relay: 17,27,22")
    parser.add_argument("--name", default="", help="how this machine calls itself (host name)")
    parser.add_argument(
        "--interval", type=float, default=10.0, help="seconds between readings (10)"
    )
    parser.add_argument("--device-class", default="server")
    parser.add_argument("--hardware-id", default=os.environ.get("HOMEPOT_HARDWARE_ID", ""))
    parser.add_argument(
        "--re-enrol-after",
        type=float,
        metavar="SECONDS",
        default=config.RE_ENROL_AFTER_S,
        help=f"shortest wait before a new life ({config.RE_ENROL_AFTER_S:g})",
    )
    parser.add_argument(
        "--queue-readings",
        type=int,
        default=telemetry_store.CAPACITY,
        help=f"unsent readings kept at most ({telemetry_store.CAPACITY})",
    )
    parser.add_argument(
        "--queue-megabytes",
        type=int,
        default=telemetry_store.CAPACITY_BYTES // 2**20,
        help=f"and their size at most ({telemetry_store.CAPACITY_BYTES // 2**20})",
    )
    parser.add_argument(
        "--allow-reboot",
        action="store_true",
        help="let a reboot command restart this machine (it is only answered)",
    )
    parser.add_argument("--infrared", choices=("none", "file"), default="none")
    parser.add_argument("--log-level", default="info", choices=_LOG_LEVELS)


def _add_state_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state-dir", type=Path, default=config.state_directory(os.environ))


_LOG_LEVELS = ("debug", "info", "warning", "error")
_REGISTERED_BEFORE = (
    "This machine was registered before; nothing was changed. To register it anew, unpair the"
    " device in Homepot first.\n"
)
_RUN_HELP = (
    "The first run needs DEVICE_PROVISION_KEY in the environment; later runs use the stored key."
    " With it, a device that was unpaired begins a new life by itself; one that was transferred"
    " does so without it."
)
_REGISTER_HELP = (
    "Authorised by DEVICE_PROVISION_KEY (a batch key) or HOMEPOT_ACCESS_TOKEN in the environment."
    " Give it the board that `run` will have."
)
_ROTATE_HELP = "The key is stored once the server has accepted it; a running agent picks it up."
