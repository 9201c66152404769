"""Refusals about infrared codes."""

from __future__ import annotations

from kernel import errors


class IrCodeExists(errors.Conflict):
    """The device has a code of that name."""

    code = "ir_code_exists"
    default_message = "This device has a code of that name already."


class TooManyIrCodes(errors.Conflict):
    """The device has as many codes as one may have."""

    code = "too_many_ir_codes"
    default_message = "This device has as many codes as one may have. Remove some first."
