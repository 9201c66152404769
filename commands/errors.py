"""What can go wrong with a command."""

from kernel import errors


class UnknownKind(errors.ValidationFailed):
    """Nothing handles this kind, or the tenant has not allowed itself it."""

    code = "unknown_kind"
    status = 422
    default_message = "There is no such kind of command."


class InvalidPayload(errors.ValidationFailed):
    """The payload does not meet its kind's schema; `details` maps JSON Pointers to sentences."""

    code = "invalid_payload"
    status = 422
    default_message = "The payload is not what this kind of command takes."


class InvalidSchema(errors.ValidationFailed):
    """The schema of a custom kind cannot be used; `details` maps JSON Pointers to sentences."""

    code = "invalid_schema"
    status = 422
    default_message = "This schema cannot be used."


class NotSupported(errors.Conflict):
    """The device has said what it can do, and this is not among it."""

    code = "not_supported"
    default_message = "This device cannot do that."


class QueueFull(errors.Conflict):
    """As many commands are open for the device as may be; nothing was queued."""

    code = "queue_full"
    default_message = "Too many commands are open for this device. Nothing was queued."


class KindExists(errors.Conflict):
    """The tenant has a custom kind of that name."""

    code = "command_kind_exists"
    default_message = "There is a kind of that name already. Change that one."


class TooManyKinds(errors.Conflict):
    """The tenant has as many custom kinds as it may."""

    code = "too_many_kinds"
    default_message = "This organisation has as many kinds of commands as it may. Remove one."


class CommandFinished(errors.Conflict):
    """The command has ended, so there is nothing to cancel."""

    code = "command_finished"
    default_message = "This command has ended already."


class EmptyTarget(errors.ValidationFailed):
    """What was named has no device."""

    code = "empty_target"
    status = 422
    default_message = "No device is meant by this."


class BatchIsOver(errors.Conflict):
    """The batch has ended; nothing about it changes any more."""

    code = "batch_is_over"
    default_message = "This batch is over."
