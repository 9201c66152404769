"""The API's description is committed: a change of the contract shows in the diff."""

from pathlib import Path

import pytest
import yaml
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
RENEW = "Renew it with `make schema` and review the diff."

pytestmark = pytest.mark.django_db


def _generated() -> dict:
    return yaml.safe_load(yaml.safe_dump(SchemaGenerator().get_schema(request=None, public=True)))


def test_the_committed_schema_is_what_the_routes_say() -> None:
    committed = yaml.safe_load(SNAPSHOT.read_text(encoding="utf-8"))

    assert _generated() == committed, f"docs/openapi.yaml is not current. {RENEW}"


def test_the_schema_is_made_without_guessing() -> None:
    GENERATOR_STATS.reset()
    _generated()

    assert not GENERATOR_STATS, "drf-spectacular had to guess; see `make schema`."


def test_every_refusal_is_described_in_our_shape() -> None:
    schema = _generated()

    for path, item in schema["paths"].items():
        for method, operation in item.items():
            content = operation["responses"]["default"]["content"]
            reference = content["application/json"]["schema"]["$ref"]
            assert reference.endswith("/ErrorBody"), f"{method} {path}"


def test_every_route_that_takes_a_body_shows_an_example() -> None:
    schema = _generated()

    missing = [
        f"{method} {path}"
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation
        and not any(
            "examples" in content for content in operation["requestBody"]["content"].values()
        )
    ]
    assert not missing
