"""Set-up answers what it cannot do with one clear sentence."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.services import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without `.venv`, and a PATH of its own in `bin`."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "dirname", "basename", "cat", "mkdir", "rm", "ls", "chmod"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def stub(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(checkout: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(shutil.which("sh")), f"scripts/{script}"],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), "SYSTEM_ROOT": str(checkout)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def as_user(checkout: Path, number: int) -> None:
    stub(checkout, "id", f"echo {number}")


def test_an_old_python_is_named_in_one_sentence(checkout: Path) -> None:
    stub(checkout, "python3", '[ "$1" = --version ] && echo "Python 3.9.2"; exit 1')
    done = run(checkout, "run.sh")
    assert done.returncode == 1
    assert done.stderr.startswith("homepot: Python 3.11 or newer is needed, and Python 3.9.2 was")
    assert len(done.stderr.splitlines()) == 1


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path) -> None:
    as_user(checkout, 1000)
    stub(checkout, "python3", "exit 1")
    stub(
        checkout,
        "python3.12",
        'case "$*" in *ensurepip*) exit 1 ;; *venv*) echo python3.12-venv ;; esac',
    )
    done = run(checkout, "run.sh")
    assert done.stderr.strip() == (
        "homepot: Python's venv module is missing; install it with: "
        "sudo apt-get install python3.12-venv"
    )


def test_without_root_the_missing_services_are_named(checkout: Path) -> None:
    as_user(checkout, 1000)
    stub(checkout, "apt-get", "exit 99")
    done = run(checkout, "services.sh")
    assert done.returncode == 0
    assert "Not installed here: postgresql redis-server mosquitto chromium" in done.stdout
    assert "sudo apt-get install" in done.stdout


def test_as_root_they_are_installed_and_none_may_start_by_itself(checkout: Path) -> None:
    as_user(checkout, 0)
    policy = checkout / "usr" / "sbin" / "policy-rc.d"
    policy.parent.mkdir(parents=True)
    stub(checkout, "apt-get", f'echo "$*" >>"{checkout}/asked"; [ -x "{policy}" ] || exit 1')
    done = run(checkout, "services.sh")
    assert done.returncode == 0, done.stderr
    asked = (checkout / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[0] == "update -qq"
    assert asked[1].startswith("install -y")
    assert {"postgresql", "redis-server", "mosquitto", "chromium"} <= set(asked[1].split())
    assert not policy.exists(), "the machine keeps its own policy"
    cluster = checkout / "etc" / "postgresql-common" / "createcluster.conf"
    assert cluster.read_text(encoding="utf-8") == "create_main_cluster = false\n"
