"""`manage.py audit_verify`: recompute the hash chains of the audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.services import verification, watching
from kernel import errors
from kernel.actors import Actor


class Command(BaseCommand):
    """Names the first bad entry of each chain and then ends with exit code 1."""

    help = "Recompute the hash chains of the audit log; exit 1 when an entry does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        """One chain only, or a comparison with heads kept elsewhere."""
        parser.add_argument(
            "--tenant", type=int, help="only this tenant's chain; 0: the platform's"
        )
        parser.add_argument(
            "--checkpoint",
            type=Path,
            help="file with the heads of the last good run: compared, then renewed; keep it "
            "where the database's administrator cannot write",
        )
        parser.add_argument(
            "--accept",
            action="store_true",
            help="take the chain of --tenant, which was found broken, as it is now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, say what was found, keep the new heads when all is well."""
        if options["accept"]:
            self._accept(options["tenant"])
            return
        path: Path | None = options["checkpoint"]
        earlier = _read(path) if path is not None and path.exists() else {}
        if options["tenant"] is not None:
            earlier = {key: head for key, head in earlier.items() if key == options["tenant"]}
        report = verification.verify_chains(chain_id=options["tenant"], earlier=earlier)
        for bad in report.bad:
            self.stderr.write(
                f"Chain {bad.chain_id}: entry {bad.seq} does not hold: {bad.problem}."
            )
        if not report.is_intact:
            raise CommandError("The audit log is not intact.", returncode=1)
        if path is not None:
            _write(path, earlier | dict(report.heads))
        self.stdout.write(
            f"The audit log is intact: {report.entries} entries in {len(report.heads)} chains."
        )

    def _accept(self, chain_id: int | None) -> None:
        if chain_id is None:
            raise CommandError("Say which chain: --tenant N, 0 for the platform's.")
        try:
            watching.accept(
                chain_id=chain_id, actor=Actor.system("audit_verify"), now=timezone.now()
            )
        except errors.NotFound as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"Chain {chain_id} is taken as it is, and verified from its start.")


def _read(path: Path) -> dict[int, verification.Head]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        int(chain_id): verification.Head(seq=head["seq"], entry_hash=head["hash"])
        for chain_id, head in content.items()
    }


def _write(path: Path, heads: dict[int, verification.Head]) -> None:
    content = {
        str(chain_id): {"seq": head.seq, "hash": head.entry_hash}
        for chain_id, head in sorted(heads.items())
    }
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
