"""Two tenants with the same of everything, and the names by which a stranger might ask for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from accounts.models import Membership, Tenant, User
from accounts.services import invitations
from commands.batch_types import BatchOrder
from commands.services import batching, custom_kinds
from devices.models import Device, Site
from devices.services import (
    erasing,
    maintenance,
    policies,
    provisioning_keys,
    site_registration,
    transfers,
    unpairing,
)
from devices.types import SiteDevice
from exports.services import making, requesting
from exports.services.requesting import ExportOrder
from groups.services import members
from infrared.services import codes
from infrared.types import IrCodeInput
from kernel import tokens
from kernel.actors import Actor
from notifications.services import channels
from notifications.types import ChannelWish
from telemetry.models import SetAsidePayload
from telemetry.services.set_aside import NOT_STORED, Unusable, keep
from tests.accounts import households, people
from tests.devices import enrolment_lists
from tests.factories import devices as boards

UNKNOWN = tokens.new_public_id()
UNKNOWN_COMMAND = "01890000-0000-7000-8000-000000000000"
ROLES = ("viewer", "operator", "admin", "owner")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A tenant, its people by role, the operator limited to its lobby, and what is in it."""

    tenant: Tenant
    people: dict[str, User]
    site: str
    device: str
    device_name: str
    device_key: str
    elsewhere: str
    archived: str
    former_key: str
    erased: str
    group: str
    command: str
    command_batch: str
    ir_code: str
    command_kind: str
    session: str
    batch_key: str
    batch_key_uid: str
    enrolment: str
    transfer: str
    transfer_code: str
    invitation: str
    invitation_token: str
    presence_policy: str
    maintenance_window: str
    notification_channel: str
    set_aside: str
    export: str

    def names(self, kind: str) -> dict[str, str]:
        """What stands in the path for an object of that kind of this side."""
        uids = {
            "device": self.device,
            "ir_code": self.device,
            "group": self.group,
            "command": self.command,
            "login_session": self.session,
            "provisioning_key": self.batch_key_uid,
            "enrolment": self.enrolment,
            "transfer": self.transfer,
            "presence_policy": self.presence_policy,
            "maintenance_window": self.maintenance_window,
            "notification_channel": self.notification_channel,
            "set_aside": self.set_aside,
            "export": self.export,
            "tenant": self.tenant.uid,
            "erasure": self.erased,
            "user": self.people["colleague"].uid,
        }
        if kind == "site":
            return {"site_id": self.site}
        if kind == "member":
            return {"uid": self.tenant.uid, "user_uid": self.people["colleague"].uid}
        if kind == "invitation":
            return {"uid": self.tenant.uid, "invitation_uid": self.invitation}
        return {
            "uid": uids.get(kind, UNKNOWN),
            "device_uid": self.device,
            "command_id": self.command,
            "batch_id": self.command_batch,
            "code_id": self.ir_code,
            "name": self.command_kind,
            "chain": self.tenant.uid,
            "seq": "1",
            "deed": "deactivate",
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Everything that the matrix asks for."""

    near: Side
    far: Side
    outsider: User
    administrator: User
    claim_code: str


def unknown_names(kind: str) -> dict[str, str]:
    """What stands in the path for an object of that kind that is nowhere."""
    found = dict.fromkeys(("uid", "device_uid", "user_uid", "invitation_uid"), UNKNOWN)
    return found | {
        "site_id": "nowhere-1",
        "command_id": UNKNOWN_COMMAND,
        "batch_id": UNKNOWN_COMMAND,
        "code_id": UNKNOWN_COMMAND,
        "name": "custom.nowhere",
        "chain": UNKNOWN,
        "seq": "1",
        "deed": "deactivate",
    }


def build_world() -> World:
    """Both tenants, a user of neither, and who runs the installation."""
    return World(
        near=_build_side("near"),
        far=_build_side("far"),
        outsider=people.make_user("outsider@example.com"),
        administrator=people.make_admin("root@example.com"),
        claim_code=str(boards.provision().claim_code),
    )


def _build_side(name: str) -> Side:
    now = timezone.now()
    owner = people.make_user(f"owner@{name}.example.com")
    tenant = households.organisation(owner, name.title())
    actor = _within(owner, tenant)
    lobby, yard = (households.make_site(tenant, f"{name}-{place}") for place in ("lobby", "yard"))
    people_of = {
        role: _member(f"{role}@{name}.example.com", tenant, role)
        for role in ("viewer", "operator", "admin")
    }
    people_of["limited"] = _member(
        f"limited@{name}.example.com", tenant, "operator", site_ids=[lobby.pk]
    )
    people_of["colleague"] = _member(f"colleague@{name}.example.com", tenant, "viewer")
    board = _at(lobby, boards.connected_device(actor))
    archived, former_key = _registered(actor, lobby, f"{name}-gone")
    erased, _ = _registered(actor, lobby, f"{name}-erased")
    for device in (archived, erased):
        unpairing.unpair_device(device_uid=device, actor=actor, now=now)
    erasing.request_erasure(device_uid=erased, actor=actor, now=now)
    till, _ = _registered(actor, lobby, f"{name}-till")
    offer = transfers.offer_transfer(device_uid=till, actor=actor, now=now)
    batch = provisioning_keys.create_key(
        name="Batch",
        site_id=lobby.site_id,
        max_devices=1000,
        expires_at=now + timedelta(days=7),
        actor=actor,
        now=now,
    )
    listed = enrolment_lists.checked(
        actor, enrolment_lists.device_rows(2, prefix=name), site=lobby.site_id
    )
    invited = invitations.create_invitation(
        tenant_uid=tenant.uid, role="viewer", actor=actor, now=now
    )
    return Side(
        tenant=tenant,
        people={"owner": owner, **people_of},
        site=lobby.site_id,
        device=board.uid,
        device_name=f"{name}-till",
        device_key=board.token,
        elsewhere=_registered(actor, yard, f"{name}-fence")[0],
        archived=archived,
        former_key=former_key,
        erased=erased,
        group=members.create_with_members(
            name="Lobby", device_uids=[board.uid], actor=actor, now=now
        )[0].uid,
        command=boards.switch(actor, board, 0, True).id,
        command_batch=batching.create_batch(
            order=BatchOrder(kind="reboot", payload={}, target={"devices": [board.uid]}),
            actor=actor,
            now=now,
        ).id,
        command_kind=custom_kinds.create_kind(
            name=f"custom.{name}_volume", actor=actor, now=now
        ).name,
        ir_code=codes.create_code(
            device_uid=board.uid,
            given=IrCodeInput(name="TV on", frequency_hz=38_000, timings=[9000, 4500]),
            actor=actor,
            now=now,
        ).uid,
        session=people.sign_in(owner).session.uid,
        batch_key=batch.key,
        batch_key_uid=batch.row.uid,
        enrolment=listed.enrolment.uid,
        transfer=offer.uid,
        transfer_code=offer.code,
        invitation=invited.invitation.uid,
        invitation_token=invited.token,
        presence_policy=policies.create_policy(
            device_class="server", offline_after_s=120, actor=actor, now=now
        ).uid,
        notification_channel=channels.create_channel(
            transport="webhook",
            wish=ChannelWish(name="On-call", url="https://hooks.example.com/homepot"),
            actor=actor,
            now=now,
        ).channel.uid,
        maintenance_window=maintenance.create_window(
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            site_id=lobby.site_id,
            actor=actor,
            now=now,
        ).uid,
        set_aside=_set_aside(board.uid),
        export=_export(actor),
    )


def _export(actor: Actor) -> str:
    """A file that is ready."""
    now = timezone.now()
    made = requesting.request_export(order=ExportOrder(kind="devices"), actor=actor, now=now)
    making.make_page(export_id=made.pk, now=now)
    return made.uid


def _set_aside(device_uid: str) -> str:
    unusable = Unusable(
        device_uid=device_uid,
        topic=f"homepot/v1/{device_uid}/telemetry",
        payload=b'{"type":"telemetry","boot_id":"b1","seq":1,"metrics":{"a":1.0}}',
        reason=NOT_STORED,
    )
    keep(unusable=[unusable], now=timezone.now())
    rows = SetAsidePayload.objects.unscoped("tests look at everything")
    return str(rows.get(device_uid=device_uid).uid)


def _within(user: User, tenant: Tenant) -> Actor:
    actor = households.actor_of(user)
    return replace(actor, roles=MappingProxyType({tenant.pk: actor.roles[tenant.pk]}))


def _member(email: str, tenant: Tenant, role: str, **more: Any) -> User:
    user = people.make_user(email)
    Membership.objects.create(
        user=user, tenant=tenant, role=role, created_at=timezone.now(), **more
    )
    return user


def _registered(actor: Actor, site: Site, device_id: str) -> tuple[str, str]:
    made = site_registration.register_at_site(
        site_id=site.site_id,
        given=SiteDevice(device_id=device_id, relay_count=4),
        actor=actor,
        now=timezone.now(),
    )
    return made.device.uid, made.api_key


def _at(site: Site, board: boards.Board) -> boards.Board:
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk=board.device_id).update(site=site)
    return board
