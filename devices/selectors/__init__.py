"""Reads about devices."""

from devices.selectors.connectivity import (
    comings_and_goings,
    connections_of,
    presence_policies_visible_to,
    presence_policy_by_uid,
    site_outages_of,
    statuses,
)
from devices.selectors.credentials import in_key_state, key_facts, own_device, with_keys
from devices.selectors.devices import (
    archive_visible_to,
    capabilities_of,
    connectivity,
    device_by_uid,
    device_keys,
    devices_visible_to,
    ended_since,
    input_events_of,
    keys_by_uid,
    lives_visible_to,
    session_checks,
    uids_of,
)
from devices.selectors.enrolments import (
    enrolment_by_uid,
    enrolments_visible_to,
    rows_of_enrolment,
)
from devices.selectors.erasures import erasure_of
from devices.selectors.keys import (
    provisioning_key_by_uid,
    provisioning_key_state,
    provisioning_keys_visible_to,
)
from devices.selectors.lives import lives_by_uid
from devices.selectors.maintenance import (
    devices_in_maintenance,
    maintenance_between,
    maintenance_window_by_uid,
    maintenance_windows_visible_to,
)
from devices.selectors.naming import device_names, site_names_by_pk
from devices.selectors.owners import owners_by_uid
from devices.selectors.sites import (
    site_by_id,
    site_in,
    site_pks,
    site_slugs,
    site_views,
    sites_visible_to,
)
from devices.selectors.syncs import in_sync_state, sync_facts, with_sync
from devices.selectors.transfers import given_transfer, transfer_views, transfers_visible_to
from devices.selectors.uptimes import (
    timeline_of,
    uptime_of,
    uptime_of_all,
    uptime_of_narrowed,
    uptime_of_site,
)
from devices.selectors.visibility import uids_within

__all__ = [
    "archive_visible_to",
    "capabilities_of",
    "comings_and_goings",
    "connections_of",
    "connectivity",
    "device_by_uid",
    "device_keys",
    "device_names",
    "devices_in_maintenance",
    "devices_visible_to",
    "ended_since",
    "enrolment_by_uid",
    "enrolments_visible_to",
    "erasure_of",
    "given_transfer",
    "in_key_state",
    "in_sync_state",
    "input_events_of",
    "key_facts",
    "keys_by_uid",
    "lives_by_uid",
    "lives_visible_to",
    "maintenance_between",
    "maintenance_window_by_uid",
    "maintenance_windows_visible_to",
    "own_device",
    "owners_by_uid",
    "presence_policies_visible_to",
    "presence_policy_by_uid",
    "provisioning_key_by_uid",
    "provisioning_key_state",
    "provisioning_keys_visible_to",
    "rows_of_enrolment",
    "session_checks",
    "site_by_id",
    "site_in",
    "site_names_by_pk",
    "site_outages_of",
    "site_pks",
    "site_slugs",
    "site_views",
    "sites_visible_to",
    "statuses",
    "sync_facts",
    "timeline_of",
    "transfer_views",
    "transfers_visible_to",
    "uids_of",
    "uids_within",
    "uptime_of",
    "uptime_of_all",
    "uptime_of_narrowed",
    "uptime_of_site",
    "with_keys",
    "with_sync",
]
