"""JSON Merge Patch (RFC 7396), the same on the server and on every device."""

from collections.abc import Mapping
from typing import Any


class NotExpressible(ValueError):
    """No merge patch leads to this document: it holds a null, which a patch reads as removal."""


def apply_patch(target: Any, patch: Any) -> Any:
    """Return what the patch makes of the target; both stay as they are.

    What the patch does not touch is shared with the target, not copied.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = apply_patch(merged.get(name), value)
    return merged


def patch_between(source: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smallest patch that makes the target of the source, or raise ``NotExpressible``.

    1 and 1.0 count as the same, true and 1 do not.
    """
    patch: dict[str, Any] = {name: None for name in source if name not in target}
    for name, value in target.items():
        if name in source and are_same(source[name], value):
            continue
        before = source.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[name] = patch_between(before, value)
        else:
            patch[name] = _plainly(value)
    return patch


def are_same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            are_same(value, other[name]) for name, value in one.items()
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(are_same, one, other))
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return bool(one == other)


def _plainly(value: Any) -> Any:
    """Return a value that a patch puts as it is; objects below it must hold no null members."""
    if value is None:
        raise NotExpressible("a merge patch cannot set a member to null")
    if isinstance(value, Mapping):
        for member in value.values():
            _plainly(member)
    return value
