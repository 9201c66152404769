"""Small files of their owner alone that are either the old text or the new one."""

import os
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600


def write(path: Path, text: str) -> None:
    """Replace a file at once. It survives the end of this process, not a power cut.

    A sync per command and device would make a thousand devices wait for one disk.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    # The mode is given at creation: a chmod afterwards would leave a moment to read the key.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


def read(path: Path) -> str | None:
    """Return the text of a file, or None when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
