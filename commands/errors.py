"""What can go wrong with a command."""

from kernel import errors


class UnknownKind(errors.ValidationFailed):
    """No part of the product handles this kind of command."""

    default_message = "There is no such kind of command."
