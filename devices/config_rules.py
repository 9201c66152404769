"""What a configuration may hold; pure, wrong parts are named by JSON Pointer (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from devices.choices import InputMode, PowerRestoreMode
from edge.protocol import documents
from edge.protocol.documents import escaped
from edge.protocol.merge_patch import are_same

MAX_NAME: Final = 100
MAX_INPUTS: Final = 64
MAX_DEBOUNCE_MS: Final = 5_000
_MEMBERS: Final = ("relay_names", "input_config", "power_restore_mode", "config")
_OF_INPUT: Final = ("mode", "relay", "debounce_ms", "inverted", "name")
_Found = Iterator[tuple[str, str]]


def problems_with(
    document: Any, *, relay_count: int, former: Mapping[str, Any] | None = None
) -> dict[str, list[str]]:
    """What is wrong with a whole configuration of a device with so many relays.

    Members that are as they were in the `former` one are taken as they are.
    """
    problem = documents.problem_with(document)
    if problem is not None:
        return {problem.pointer or "/": [problem.message]}
    held = former or {}
    changed = {
        name: value
        for name, value in document.items()
        if name not in held or not are_same(held[name], value)
    }
    found: dict[str, list[str]] = {}
    missing = [(f"/{name}", "This is missing.") for name in _MEMBERS if name not in document]
    for pointer, message in chain(missing, _wrong_members(changed, relay_count)):
        found.setdefault(pointer, []).append(message)
    return found


def problems_with_inputs(inputs: Any, *, relay_count: int) -> dict[str, list[str]]:
    """What is wrong with the inputs alone, as pointers below `input_config`."""
    found: dict[str, list[str]] = {}
    for pointer, message in _wrong_inputs(inputs, "", relay_count):
        found.setdefault(f"input_config{pointer}", []).append(message)
    return found


def _wrong_members(members: Mapping[str, Any], relay_count: int) -> _Found:
    for name in members:
        if name not in _MEMBERS:
            yield f"/{escaped(name)}", f"Only {', '.join(_MEMBERS)}; what is yours is in config."
    yield from _wrong_names(members.get("relay_names", {}), relay_count)
    yield from _wrong_inputs(members.get("input_config", {}), "/input_config", relay_count)
    if members.get("power_restore_mode", "off") not in PowerRestoreMode.values:
        yield "/power_restore_mode", f"One of {', '.join(PowerRestoreMode.values)}."
    if not isinstance(members.get("config", {}), Mapping):
        yield "/config", "An object."


def _wrong_names(names: Any, relay_count: int) -> _Found:
    if not isinstance(names, Mapping):
        yield "/relay_names", "An object: names by the number of the relay."
        return
    for key, name in names.items():
        at = f"/relay_names/{escaped(key)}"
        if _number(key, relay_count) is None:
            yield at, f"There is no relay {key!r}."
        elif not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME:
            yield at, f"A name of 1 to {MAX_NAME} characters."


def _wrong_inputs(inputs: Any, at: str, relay_count: int) -> _Found:
    if not isinstance(inputs, Mapping):
        yield at, "An object: settings by the number of the input."
        return
    for key, settings in inputs.items():
        place = f"{at}/{escaped(str(key))}"
        if _number(key, MAX_INPUTS) is None:
            yield place, f"Inputs are numbered from 0 to {MAX_INPUTS - 1}."
        elif not isinstance(settings, Mapping):
            yield place, f"An object of {', '.join(_OF_INPUT)}."
        else:
            yield from _wrong_input(settings, place, relay_count)


def _wrong_input(settings: Mapping[str, Any], at: str, relay_count: int) -> _Found:
    for name in settings:
        if name not in _OF_INPUT:
            yield f"{at}/{escaped(str(name))}", f"Only {', '.join(_OF_INPUT)}."
    yield from _wrong_binding(settings, at, relay_count)
    debounce = settings.get("debounce_ms", 0)
    if not (_is_int(debounce) and 0 <= debounce <= MAX_DEBOUNCE_MS):
        yield f"{at}/debounce_ms", f"0 to {MAX_DEBOUNCE_MS} milliseconds."
    if not isinstance(settings.get("inverted", False), bool):
        yield f"{at}/inverted", "true or false."
    name = settings.get("name", "")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        yield f"{at}/name", f"At most {MAX_NAME} characters."


def _wrong_binding(settings: Mapping[str, Any], at: str, relay_count: int) -> _Found:
    mode, relay = settings.get("mode", InputMode.DETACHED), settings.get("relay")
    if mode not in InputMode.values:
        yield f"{at}/mode", f"One of {', '.join(InputMode.values)}."
    if relay is not None and not (_is_int(relay) and 0 <= relay < relay_count):
        yield f"{at}/relay", "The number of one of the device's relays, or null."
    elif mode == InputMode.DETACHED and relay is not None:
        yield f"{at}/relay", "A detached input switches no relay."


def _number(key: Any, count: int) -> int | None:
    """The number that a key of an object spells in its one way, if it is below the count."""
    if not isinstance(key, str) or not (key.isascii() and key.isdecimal() and len(key) <= 4):
        return None
    return int(key) if str(int(key)) == key and int(key) < count else None


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
