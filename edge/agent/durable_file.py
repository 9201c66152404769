"""Small private files that are either the old text or the new one, never half of either."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.agent.errors import StateDirectoryBusy

_PRIVATE_FILE = 0o600
_PRIVATE_DIRECTORY = 0o700


def write(path: Path, text: str) -> None:
    """Replace a file at once and return only when the new text would survive a power cut."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    # The mode is given at creation: a chmod afterwards would leave a moment to read the key.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        _leave_to_owner_of(path.parent, descriptor)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    _sync_directory(path.parent)


def read(path: Path) -> str | None:
    """Return the text of a file, or None when there is none; its mode is tightened if needed."""
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(_PRIVATE_FILE)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def remove(path: Path) -> None:
    """Remove a file, if there is one, so that it stays away after a power cut."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Wait until no other process changes the files of the directory, and keep others waiting."""
    descriptor = os.open(directory / "files.lock", os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
    try:
        _leave_to_owner_of(directory, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def prepare_directory(directory: Path) -> None:
    """Create the state directory, readable by its owner alone."""
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    directory.chmod(_PRIVATE_DIRECTORY)


class DirectoryLock:
    """Holds a state directory for one process; the kernel frees it however the process ends."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise StateDirectoryBusy(
                f"another homepot-agent already uses {directory}; stop it or pass --state-dir"
            ) from None

    def release(self) -> None:
        """Let another agent have the directory."""
        os.close(self._descriptor)


def _leave_to_owner_of(directory: Path, descriptor: int) -> None:
    # An administrator who helps as root must not leave files that the agent cannot read.
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
