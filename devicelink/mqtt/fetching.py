"""What devices on MQTT are to be told, taken from the database for one that will publish it.

Any number of processes may take: a command goes to the one that the ledger gives it to, and a
document to the one that comes first. Everything here runs on database threads.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from commands import selectors as command_selectors
from commands.services import delivery
from devicelink import documents
from devicelink.documents import Document
from devices.choices import Wire
from devices.selectors import clients
from edge.protocol.messages import DownMessage
from kernel import errors, ratelimit, row_security

logger = logging.getLogger(__name__)

# A device that has not taken a document over is told again after so long, or when it comes back.
TOLD_AGAIN_S: Final = 300


@dataclass(slots=True)
class Parcels:
    """What is to be published, by device in order; `is_cut` when the database went away."""

    told: list[tuple[str, DownMessage]] = field(default_factory=list)
    is_cut: bool = False


def for_greeted(uids: Collection[str]) -> Parcels:
    """Everything for devices that have just come over MQTT: what was never answered too."""
    now = timezone.now()
    with row_security.platform_scope("devicelink.mqtt"):
        return _fetch(clients.mqtt_clients_named(uids, now), now, is_new=True)


def for_hinted(device_ids: Collection[int]) -> Parcels:
    """What waits for those of the devices that are reached over MQTT."""
    now = timezone.now()
    with row_security.platform_scope("devicelink.mqtt"):
        return _fetch(clients.mqtt_clients(device_ids, now), now, is_new=False)


def waiting(limit: int) -> set[int]:
    """Devices on MQTT for which commands wait, whatever hints were lost."""
    with row_security.platform_scope("devicelink.mqtt"):
        return command_selectors.mqtt_devices_with_queued(limit)


def behind(*, after: int, limit: int) -> tuple[dict[int, dict[str, int]], int]:
    """Which documents the next devices on MQTT lack, and the key of the last device looked at.

    The key is 0 at the end, where the next look begins again.
    """
    with row_security.platform_scope("devicelink.mqtt"):
        found = clients.next_mqtt_clients(after=after, limit=limit, now=timezone.now())
        last = max(found) if len(found) == limit else 0
        return documents.unapplied_versions(found), last


def _fetch(found: Mapping[int, str], now: datetime, *, is_new: bool) -> Parcels:
    parcels = Parcels()
    try:
        for device_id, uid in found.items():
            _claim(parcels, device_id, uid, now, is_new=is_new)
        _add_documents(parcels, found, now, is_new=is_new)
    except (OperationalError, InterfaceError) as error:
        # What was claimed is sent nevertheless: the ledger has it as sent.
        logger.error("What waits for devices could not be fetched: %s", type(error).__name__)
        parcels.is_cut = True
    return parcels


def _claim(parcels: Parcels, device_id: int, uid: str, now: datetime, *, is_new: bool) -> None:
    try:
        claimed = delivery.claim_deliverable(
            device_id=device_id, epoch=None, wire=Wire.MQTT, now=now, reconnect=is_new
        )
    except (OperationalError, InterfaceError):
        raise
    except errors.HomepotError as refusal:
        # Its life ended a moment ago.
        logger.info("Nothing is told to a device: %s", refusal.code, extra={"device": uid})
    except Exception:
        # One row that nobody thought of must not keep what waits for the others.
        logger.exception("What waits for a device could not be claimed", extra={"device": uid})
    else:
        parcels.told += [(uid, message) for message in claimed]


def _add_documents(
    parcels: Parcels, found: Mapping[int, str], now: datetime, *, is_new: bool
) -> None:
    try:
        for device_id, behind in documents.unapplied(found, has_connected=is_new).items():
            for document in behind:
                if _is_ours_to_tell(device_id, document, now) or is_new:
                    parcels.told.append((found[device_id], document))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # The commands that were claimed must go out nevertheless.
        logger.exception("Documents for devices could not be fetched")


def _is_ours_to_tell(device_id: int, document: Document, now: datetime) -> bool:
    """Whether no process has told it lately."""
    key = f"mqtt-document:{device_id}:{document.type}:{document.version}"
    try:
        ratelimit.hit(key=key, limit=1, window_s=TOLD_AGAIN_S, now=now)
    except errors.RateLimited:
        return False
    return True
