"""Secrets that an embedded installation makes once and keeps in its data folder."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

FILE_NAME = "secrets.json"
NAMES = ("SECRET_KEY", "HOMEPOT_JWT_KEYS", "DEVICE_PROVISION_KEY")


def made_secrets(folder: Path) -> dict[str, str]:
    """Secrets of this installation; made on the first call, the same ever after.

    The file is created whole under another name and linked into place, so that two processes
    that start together end up with the same secrets and a killed one leaves no half file.
    """
    target = folder / FILE_NAME
    if not target.exists():
        _make(target)
    found: dict[str, str] = json.loads(target.read_text(encoding="utf-8"))
    return {name: found[name] for name in NAMES}


def _make(target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "HOMEPOT_JWT_KEYS": f"k1:{secrets.token_urlsafe(48)}",
        "DEVICE_PROVISION_KEY": secrets.token_urlsafe(32),
    }
    draft = target.with_name(f".{FILE_NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, target)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
