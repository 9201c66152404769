"""docs/settings.md has one row per environment variable, with its kind, default and meaning."""

import ast
import re

from homepot.settings.environment import VARIABLES
from tests.architecture.sources import PACKAGES, ROOT, files, named

READER = "homepot/settings/environment.py"
# These read no variable: they name the settings module, or hand the environment to a child.
MAY_KNOW_THE_ENVIRONMENT = {
    READER,
    "homepot/settings/testing.py",
    "homepot/asgi.py",
    "homepot/wsgi.py",
    "homepot/embedded/children.py",
}


def rows() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    table = re.findall(r"^\|\s*`([A-Z0-9_]+)`\s*\|(.*)\|\s*$", text, re.MULTILINE)
    # A bar inside a cell is written \| in Markdown.
    return {
        name: [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", rest)]
        for name, rest in table
    }


def test_every_variable_has_a_row_and_every_row_a_variable() -> None:
    assert rows().keys() == {variable.name for variable in VARIABLES}


def test_rows_tell_kind_default_and_description() -> None:
    documented = rows()
    wrong = []
    for variable in VARIABLES:
        cells = [cell.strip("`") for cell in documented.get(variable.name, [])]
        wanted = {variable.kind, variable.description.strip("`")}
        if variable.default:
            wanted.add(variable.default)
        if not wanted <= set(cells):
            wrong.append(f"{variable.name}: {sorted(wanted - set(cells))} not among {cells}")
    assert wrong == []


def test_only_one_module_reads_the_environment() -> None:
    readers = [
        named(path)
        for path in files(".py", folders=PACKAGES)
        if not named(path).startswith("edge/") and _reads_environment(path.read_text("utf-8"))
    ]
    assert set(readers) <= MAY_KNOW_THE_ENVIRONMENT


def _reads_environment(source: str) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        for node in ast.walk(ast.parse(source))
    )
