"""Becoming a device of a site in one go, for installers: ``homepot-agent register``."""

from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from edge.agent import durable_file, identity, provisioning, rotation
from edge.agent.config import AgentConfig
from edge.agent.errors import ServerUnavailable
from edge.agent.identity import Identity


def register_once(config: AgentConfig) -> tuple[Identity, bool]:
    """Return the device this machine is, and whether it became that just now.

    A stored key is kept, unless the server says that its device was unpaired. Raises
    ``AccessRefused``, or ``ServerUnavailable``: asking again then continues the same request.
    """
    directory = config.state_dir
    durable_file.prepare_directory(directory)
    stored = identity.load(directory)
    if stored is not None and not _has_ended(stored):
        return stored, False
    lock = durable_file.DirectoryLock(directory)
    try:
        return _register(config, directory, stored), True
    finally:
        lock.release()


def _register(config: AgentConfig, directory: Path, ended: Identity | None) -> Identity:
    if ended is not None:
        identity.set_aside(directory, ended)
    former = ended or identity.load_former(directory)
    hardware_id = config.hardware_id or identity.hardware_id(directory)
    fresh = provisioning.register(config, hardware_id=hardware_id, former=former)
    provisioning.keep(config, fresh, stored=None)
    return fresh


def _has_ended(me: Identity) -> bool:
    # Only a clear word of the server ends a life; silence leaves everything as it is.
    with suppress(ServerUnavailable):
        answer = rotation.ask(me.server_url, me.device_uid, me.device_token)
        return answer.status == HTTPStatus.UNAUTHORIZED and answer.code == rotation.UNPAIRED
    return False
