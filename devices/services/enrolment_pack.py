"""What an enrolment's owner carries away: an archive that only the passphrase opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyzipper

from devices.claim_sheet import Label, claim_sheet, shown_code
from kernel.spreadsheets import harmless


@dataclass(frozen=True, kw_only=True, slots=True)
class EnrolledRow:
    """One enrolled row with its secret."""

    uid: str
    device_id: str = ""
    hardware_id: str = ""
    name: str = ""
    site: str = ""
    secret: str = field(repr=False)


def pack_keys(rows: Sequence[EnrolledRow], *, passphrase: str) -> bytes:
    """An AES-256 archive with `keys.csv`: device_id, uid, name, site, api_key."""
    lines = [(row.device_id, row.uid, harmless(row.name), row.site, row.secret) for row in rows]
    table = _csv(("device_id", "uid", "name", "site", "api_key"), lines)
    return _archive({"keys.csv": table}, passphrase)


def pack_codes(
    rows: Sequence[EnrolledRow], *, origin: str, expires_at: datetime, passphrase: str
) -> bytes:
    """An AES-256 archive with `keys.csv` (hardware_id, uid, name, claim_code) and labels to print."""
    lines = [(row.hardware_id, row.uid, harmless(row.name), shown_code(row.secret)) for row in rows]
    labels = (Label(hardware_id=row.hardware_id, name=row.name, code=row.secret) for row in rows)
    sheet = claim_sheet(labels, origin=origin, expires_at=expires_at)
    table = _csv(("hardware_id", "uid", "name", "claim_code"), lines)
    return _archive({"keys.csv": table, "claim-sheet.html": sheet}, passphrase)


def _csv(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()


def _archive(files: dict[str, str], passphrase: str) -> bytes:
    packed = io.BytesIO()
    with pyzipper.AESZipFile(
        packed, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(passphrase.encode())
        archive.setencryption(pyzipper.WZ_AES, nbits=256)
        for name, text in files.items():
            archive.writestr(name, text.encode())
    return packed.getvalue()
