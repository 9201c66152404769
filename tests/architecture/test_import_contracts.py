"""Who may import whom (.importlinter)."""

import subprocess
import sys

from tests.architecture.sources import ROOT


def test_every_import_contract_is_kept() -> None:
    program = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
