"""What can be checked of the deployment files without a container engine."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from homepot.settings.environment import VARIABLES
from tests.architecture.sources import PACKAGES, ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), *sorted((ROOT / "deploy").rglob("*.sh"))]


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def test_compose_starts_every_process_of_the_product(compose: dict[str, Any]) -> None:
    assert compose["services"].keys() == {
        "migrate", "web", "ticker", "mqtt_ingest", "postgres", "redis", "mosquitto",
    }  # fmt: skip


def test_compose_sets_only_variables_the_product_knows(compose: dict[str, Any]) -> None:
    known = {variable.name for variable in VARIABLES}
    used = {
        name
        for service in ("migrate", "web", "ticker", "mqtt_ingest")
        for name in compose["services"][service]["environment"]
    }
    assert used <= known


def test_compose_hands_on_what_the_example_offers(compose: dict[str, Any]) -> None:
    """A variable that stays outside the containers would be set to no effect."""
    offered = re.findall(r"^# (\w+)=", EXAMPLE.split("# Everything else", 1)[1], re.MULTILINE)
    defaults = {variable.name: variable.default for variable in VARIABLES}
    handed_on = compose["services"]["web"]["environment"]
    assert {
        name
        for name in offered
        if handed_on.get(name) != f"${{{name}:-{defaults[name]}}}"
    } == {
        # Of this image, or for one process on one machine.
        "HOST", "PORT", "HOMEPOT_DATA_DIR", "HOMEPOT_DEMO", "DEBUG", "HOMEPOT_FAILPOINT",
        # Safer here.
        "ENFORCE_HTTPS",
    }  # fmt: skip


def test_compose_refuses_a_missing_secret(compose: dict[str, Any]) -> None:
    # Without a mail server the product runs, and says that it sends no mail.
    secret = {variable.name for variable in VARIABLES if variable.secret} - {"EMAIL_URL"}
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name in secret or name.endswith("PASSWORD"):
                assert re.search(r"\$\{\w+:\?", value), f"{name} has a value to fall back on"


def test_only_the_migration_gets_the_owner_role(compose: dict[str, Any]) -> None:
    having = {
        name
        for name, service in compose["services"].items()
        if "DATABASE_OWNER_URL" in service.get("environment", {})
    }
    assert having == {"migrate"}


def test_the_image_holds_every_package_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    files = {"manage.py", "requirements.txt", "LICENSE", "deploy/healthcheck.py"}
    assert let_in == {*PACKAGES, "templates", "static", *files}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_parse(script: Any) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)
