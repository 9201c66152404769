"""The committed list of permissions is what the matrix and the code say."""

from __future__ import annotations

from tests.architecture import permissions_document, platform_work


def test_the_committed_document_is_current() -> None:
    committed = permissions_document.DOCUMENT.read_text(encoding="utf-8")

    assert committed == permissions_document.document(), "Renew it with `make permissions`."


def test_every_piece_of_work_across_tenants_says_what_for() -> None:
    work = platform_work.collect()

    assert [one for one in work if not one.reason] == []
    assert {"devices.claim", "admin.site", "audit.append", "job.devices.erasures"} <= {
        one.name for one in work
    }
