"""The headers a device proves itself with, read alike on every wire that has headers."""

from __future__ import annotations


class HalfShown(ValueError):
    """A part of the pair came without the other, or the key came in two ways."""

    def __init__(self) -> None:
        super().__init__("Send X-Device-ID with either Authorization: Bearer or X-API-Key.")


def read_headers(
    *, authorization: str | None, api_key: str | None, device_uid: str | None
) -> tuple[str, str] | None:
    """The device's name and key; None where nothing came. Raises HalfShown."""
    scheme, _, bearer = (authorization or "").partition(" ")
    shown = [key for key in (bearer.strip(), (api_key or "").strip()) if key]
    if not shown and not device_uid:
        return None
    if len(shown) != 1 or not device_uid or (scheme and scheme.lower() != "bearer"):
        raise HalfShown
    return device_uid, shown[0]
