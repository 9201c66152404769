"""When each device was last heard, fresher than the database's rows; never the only place.

The rows are written now and then, the store with every batch of signs of life. Whoever is about
to call a device gone asks the store first; whoever shows when it was last heard may. A store that
is away, was emptied or lies costs freshness only: the rows alone are right a little earlier.
"""

from devices.presence_store.choosing import current, is_shared_by_all, shows_keys
from devices.presence_store.interface import PresenceStore, StoreAway

__all__ = ["PresenceStore", "StoreAway", "current", "is_shared_by_all", "shows_keys"]
