"""What can go wrong with a device."""

from kernel import errors


class DeviceOffline(errors.Conflict):
    """The device has no live session, and the command was not to wait for one."""

    code = "device_offline"
    default_message = "The device is not connected. Nothing was queued."


class AlreadyPaired(errors.Conflict):
    """The hardware has a living owner; it must be released or unpaired first."""

    code = "already_paired"
    default_message = "This device is paired. Unpair it before it is provisioned again."


class ProvisionKeyInvalid(errors.InvalidCredentials):
    """The provisioning key is missing or wrong."""

    default_message = "The provisioning key is not valid."


class DeviceUnpaired(errors.InvalidCredentials):
    """The credential was right in a former life of the device."""

    code = "device_unpaired"
    default_message = "This device was unpaired. Provision it again."


class DeviceArchived(errors.Conflict):
    """This life of the device has ended: its archive can be read, nothing of it changes."""

    code = "device_archived"
    default_message = "This device is no longer paired. Its archive can be read, not changed."


class ClaimCodeInvalid(errors.HomepotError):
    """The code is unknown, expired, used or locked: the answer is the same."""

    code = "claim_code_invalid"
    status = 404
    default_message = "This claim code cannot be used. Check it, or make a new one on the device."


class SessionFenced(errors.Conflict):
    """A newer session of the device exists; this one may write nothing."""

    code = "session_fenced"
    default_message = "A newer session of this device is open."


class SiteExists(errors.Conflict):
    """A living site of the tenant has that id."""

    code = "site_exists"
    default_message = "There is a site of that id already. Choose another."


class SiteHasDevices(errors.Conflict):
    """The site cannot go before it is said what becomes of its devices; nothing changed."""

    code = "site_has_devices"
    default_message = "This site has devices. Say whether they are unpaired or move to another."


class AlreadyRegistered(errors.Conflict):
    """A living device of the tenant goes by that `device_id`."""

    code = "already_registered"
    default_message = "A device of that id is registered. Unpair it first, or renew its key."


class WrongPassphrase(errors.PermissionDenied):
    """The passphrase is not the one this enrolment was started with; nothing was wiped."""

    code = "wrong_passphrase"
    default_message = "This is not the passphrase of this enrolment. Nothing was wiped."


class AlreadyDownloaded(errors.Conflict):
    """The keys of this enrolment were handed out, once; the server has them no more."""

    code = "already_downloaded"
    default_message = "These keys were downloaded already and are wiped. Renew those you lack."


class KeysExpired(errors.Conflict):
    """Nobody fetched the keys of this enrolment in time; the server has them no more."""

    code = "keys_expired"
    default_message = "These keys were not fetched in time and are wiped. Renew those you need."


class TransferCodeInvalid(errors.HomepotError):
    """The code is unknown, expired, used or void: the answer is the same."""

    code = "transfer_code_invalid"
    status = 404
    default_message = "This transfer code cannot be used. Ask the giver for a new one."


class TransferToSelf(errors.Conflict):
    """The tenant that accepts is the one that offers."""

    code = "transfer_to_self"
    default_message = "This device is yours already. Accept it for the tenant it is meant for."


class TransferDecided(errors.Conflict):
    """The other side has accepted: there is nothing left to take back."""

    code = "transfer_decided"
    default_message = "The other side has accepted this transfer. The device is theirs."


class DeviceLiving(errors.Conflict):
    """The life of the device goes on; only an archived one can be erased."""

    code = "device_living"
    default_message = "This device is paired. Unpair it first, then have its archive erased."


class PresencePolicyExists(errors.Conflict):
    """The tenant has a policy for that class of devices."""

    code = "presence_policy_exists"
    default_message = "There is a policy for this class already. Change that one."


class BrokerAccountBusy(errors.Conflict):
    """An earlier call for this device's account is at the MQTT broker right now."""

    code = "mqtt_account_busy"
    default_message = "An account for this device is being made right now. Try again shortly."


class TagTaken(errors.Conflict):
    """A device would have two values of one key; `details` names some of those devices."""

    code = "tag_taken"
    default_message = "Devices have another tag of that key. Change theirs first."
