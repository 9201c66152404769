"""Hints to the sockets of a user; whoever misses one finds out by asking `invalid_sessions`."""

from __future__ import annotations

from accounts import events
from kernel import realtime
from kernel.events import subscribe


@subscribe(events.SessionEnded)
def tell_sockets_of_session(event: events.SessionEnded) -> None:
    """Have the sockets of the session closed."""
    realtime.publish(
        realtime.user_topic(event.user_id),
        {
            "type": "session_ended",
            "session": event.session_uid,
            "session_id": event.session_id,
            "reason": event.reason,
        },
    )


@subscribe(events.UserDeactivated)
def tell_sockets_of_user(event: events.UserDeactivated) -> None:
    """Have all sockets of the user closed."""
    realtime.publish(realtime.user_topic(event.user_id), {"type": "user_disabled"})


@subscribe(events.MembershipChanged)
def tell_sockets_of_membership(event: events.MembershipChanged) -> None:
    """Have the user's sockets join or leave the tenant's stream."""
    realtime.publish(realtime.user_topic(event.user_id), {"type": "membership_changed"})
