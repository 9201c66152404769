"""`.env.example` names every variable there is, and those the compose file demands."""

import re
from pathlib import Path

from homepot.settings.environment import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
# A failpoint is for tests and refused in production.
NOT_FOR_PRODUCTION = {"HOMEPOT_FAILPOINT"}


def _names(pattern: str) -> set[str]:
    return set(re.findall(pattern, EXAMPLE, re.MULTILINE))


def test_the_example_names_every_variable() -> None:
    expected = {variable.name for variable in VARIABLES} - NOT_FOR_PRODUCTION

    assert expected <= _names(r"^(?:# )?([A-Z0-9_]+)=")


def test_the_example_asks_for_all_that_compose_demands() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", compose))

    assert demanded == _names(r"^([A-Z0-9_]+)=")


def test_the_example_holds_no_secret() -> None:
    assert not _names(r"^([A-Z_]+)=\S")
