"""Which modules a script of the pages brings along, as its import lines say."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders

# Static imports only: what is imported by a call is fetched when somebody wants it.
_IMPORT: Final = re.compile(
    r"""^\s*(?:import|export)\b[^;"'()]*?["'](\.{1,2}/[^"']+)["']""", re.MULTILINE
)


def brought_along(entry: str) -> tuple[str, ...]:
    """The modules that a script needs before it can run, without itself, nearest first."""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        for name in imports_of(waiting.pop(0)):
            if name != entry and name not in found:
                found[name] = None
                waiting.append(name)
    return tuple(found)


@lru_cache(maxsize=512)
def imports_of(name: str) -> tuple[str, ...]:
    """The static files that a module imports, by their names; none for one that is not there."""
    path = finders.find(name)
    if not isinstance(path, str):
        return ()
    folder = posixpath.dirname(name)
    return tuple(
        posixpath.normpath(posixpath.join(folder, imported))
        for imported in _IMPORT.findall(Path(path).read_text())
    )
