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


class ClaimCodeInvalid(errors.HomepotError):
    """The code is unknown, expired, used or locked: the answer is the same."""

    code = "claim_code_invalid"
    status = 404
    default_message = "This claim code cannot be used. Check it, or make a new one on the device."


class SessionFenced(errors.Conflict):
    """A newer session of the device exists; this one may write nothing."""

    code = "session_fenced"
    default_message = "A newer session of this device is open."
