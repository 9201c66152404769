"""Sheets of claim labels to print: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

from devices import qr

# The file stands alone in an archive, so its style is in it.
_STYLE = """
@page { size: A4; margin: 10mm }
* { box-sizing: border-box }
body { margin: 0; color: #000; background: #fff; font: 9pt/1.35 system-ui, sans-serif }
header { padding: 0 0 4mm }
h1 { margin: 0; font-size: 13pt }
header p { margin: 1mm 0 0 }
ol { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3mm; margin: 0; padding: 0 }
li { display: grid; grid-template-columns: 26mm 1fr; gap: 2mm; align-items: center; padding: 2mm;
     list-style: none; border: .3mm solid #999; border-radius: 2mm; break-inside: avoid }
.qr { display: block; width: 26mm; height: 26mm }
.name { font-weight: 600; overflow-wrap: anywhere }
.hardware { overflow-wrap: anywhere; font-size: 7.5pt }
.code { margin-top: 1mm; font: 700 11pt ui-monospace, monospace }
@media screen { body { max-width: 210mm; margin: 0 auto; padding: 8mm } }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One device on the sheet."""

    hardware_id: str
    name: str
    code: str


def shown_code(code: str) -> str:
    """A claim code in groups of four, as people read it: `ABCD-1234`."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def claim_url(origin: str, code: str) -> str:
    """The address that opens the claim page with the code filled in."""
    return f"{origin.rstrip('/')}/claim?code={quote(shown_code(code))}"


def claim_sheet(labels: Iterable[Label], *, origin: str, expires_at: datetime) -> str:
    """The labels as a printable page of A4 sheets, three in a row."""
    until = expires_at.strftime("%Y-%m-%d")
    items = "".join(_item(label, origin) for label in labels)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="robots" content="noindex"><title>Claim labels</title>'
        f"<style>{_STYLE}</style></head><body><header><h1>Claim labels</h1>"
        f"<p>Who scans a label, or types its code at {escape(origin)}/claim, becomes the owner of"
        f" that device. Each code works once, until {until}.</p></header><ol>{items}</ol>"
        "</body></html>\n"
    )


def _item(label: Label, origin: str) -> str:
    picture = qr.sheet_qr_svg(claim_url(origin, label.code))
    name = f'<div class="name">{escape(label.name)}</div>' if label.name else ""
    return (
        f'<li>{picture}<div>{name}<div class="hardware">{escape(label.hardware_id)}</div>'
        f'<div class="code">{shown_code(label.code)}</div></div></li>'
    )
