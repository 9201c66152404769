"""What a client calls itself, as people say it: `Firefox on Linux`."""

from __future__ import annotations

from typing import Final

# In this order: later ones claim to be the earlier ones too.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "a Python program"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_MOST: Final = 60


def client_of(user_agent: str) -> str:
    """The browser and the system; of anything else what it calls itself, cut short."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or user_agent[:_MOST].strip() or "Unknown client"


def is_phone(user_agent: str) -> bool:
    """Whether it is held in a hand."""
    return any(sign in user_agent for sign in ("Android", "iPhone", "iPad", "Mobile"))
