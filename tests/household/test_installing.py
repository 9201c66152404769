"""What a phone keeps of the app: a manifest that is true, and nothing that pretends to be."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "static" / "household"


def body_of(path: str) -> str:
    answer = Client().get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def shell() -> dict[str, object]:
    found = re.match(r"self\.SHELL = (\{.*\});\n", body_of("/sw.js"))
    assert found is not None
    kept: dict[str, object] = json.loads(found[1])
    return kept


def source_of(address: str) -> Path:
    """The file behind an address, whatever version it carries."""
    return ROOT / "static" / re.sub(r"^/static/(v-[0-9a-f]+/)?", "", address)


@pytest.mark.django_db
def test_every_icon_of_the_manifest_is_there_in_its_size() -> None:
    manifest = json.loads(body_of("/manifest.webmanifest"))
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        content = source_of(icon["src"]).read_bytes()
        if icon["type"] == "image/png":
            assert "{}x{}".format(*struct.unpack(">II", content[16:24])) == icon["sizes"]
    assert manifest["start_url"] == "/app"


@pytest.mark.django_db
def test_the_worker_keeps_files_and_the_offline_page_and_nothing_else() -> None:
    kept = shell()
    assert kept["offline"] == "/app/offline"
    files = kept["files"]
    assert isinstance(files, list)
    assert files
    assert all(file.startswith("/static/") for file in files)


@pytest.mark.django_db
def test_the_worker_keeps_every_module_of_the_offline_page() -> None:
    files = {source_of(str(file)) for file in shell()["files"]}  # type: ignore[attr-defined]
    waiting = [OWN / "js" / "offline.js"]
    while waiting:
        module = waiting.pop()
        assert module in files
        named = re.findall(r'from "(\.[^"]+)"', module.read_text())
        waiting += [(module.parent / name).resolve() for name in named]


@pytest.mark.django_db
def test_the_offline_page_is_nobodys_and_has_nothing_to_switch() -> None:
    body = body_of("/app/offline")
    assert 'role="switch"' not in body
    assert re.findall(r"<button[^>]*>", body) == [
        '<button class="button button--primary button--big" type="button" data-again>'
    ]
    assert 'name="viewer"' not in body


def test_the_worker_never_answers_for_the_api_the_admin_or_a_page() -> None:
    script = (OWN / "js" / "worker.js").read_text()
    assert "cache.put" not in script
    assert "ignoreSearch" not in script


@pytest.mark.parametrize("path", sorted(OWN.rglob("*.js")), ids=lambda path: path.name)
def test_scripts_write_text_never_markup(path: Path) -> None:
    text = path.read_text()
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b"
    )
    assert re.findall(forbidden, text) == []
    assert len(text.splitlines()) < 400


@pytest.mark.parametrize("path", sorted(OWN.rglob("*.css")), ids=lambda path: path.name)
def test_colours_come_from_the_tokens(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\(", text) == []
    assert len(text.splitlines()) <= 400


@pytest.mark.django_db
def test_the_code_of_a_label_leads_to_the_step_that_takes_it() -> None:
    answer = Client().get("/claim?code=ABCD-1234")
    assert answer.status_code == 302
    assert answer["Location"] == "/app/add?step=code&code=ABCD-1234"
