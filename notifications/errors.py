"""Refusals that only notifications know."""

from __future__ import annotations

from kernel import errors


class EmailNotConfigured(errors.Conflict):
    """The installation has no way to send mail."""

    code = "email_not_configured"
    default_message = "This installation sends no mail. Its operator sets EMAIL_URL."


class ChannelNotActive(errors.Conflict):
    """A channel that is paused, disabled or not confirmed is told nothing, not even as a test."""

    code = "channel_not_active"
    default_message = "This channel is not active."


class TooManyChannels(errors.Conflict):
    """A tenant, and each member in it, has a limited number of channels."""

    code = "too_many_channels"
    default_message = "There are too many channels already. Remove one first."
