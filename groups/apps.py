"""Groups: devices by name, and devices by what they are."""

from django.apps import AppConfig


class GroupsConfig(AppConfig):
    """Registers the jobs that follow memberships."""

    name = "groups"
