"""What can go wrong with a relay."""

from kernel import errors


class NoSuchRelay(errors.NotFound):
    """The device has no relay of that index."""

    default_message = "This device has no such relay."
