"""Twins: what devices should be like, and what they say they are."""

from django.apps import AppConfig


class TwinsConfig(AppConfig):
    """Registers what twins do in the lives of devices, and the periodic jobs."""

    name = "twins"

    def ready(self) -> None:
        from devices import registry
        from twins import tasks  # noqa: F401  jobs register themselves once apps exist
        from twins.selectors import syncs
        from twins.services import lives

        registry.on_sync(syncs.SOURCE)
        registry.on_claim(lives.hand_to_owner)
        registry.on_life_end(lives.end_drifts)
        registry.on_snapshot("twin", lives.snapshot)
        registry.on_erasure("twin", lives.erase, keeps=lives.KEPT)
