"""Site outages: a share of the fleet goes away together and comes back.

A pure function of the seed: every device works out for itself when its site is away, and all of
a site come to the same answer.
"""

from dataclasses import dataclass

from edge.simulator.dice import Stream


@dataclass(frozen=True, slots=True)
class Outage:
    """From when, for how long; ``starts_at`` counts from the start of the fleet, in seconds."""

    number: int
    starts_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class OutagePlan:
    """In every ``every_s`` seconds, one of the sites is away for a while; ``None`` for never."""

    seed: int = 1
    every_s: float | None = None
    share: float = 0.3
    away_s: tuple[float, float] = (20.0, 60.0)

    @property
    def sites(self) -> int:
        """How many sites the fleet stands at, all about as large."""
        return max(1, round(1 / self.share))

    def site_of(self, index: int) -> int:
        """Return the site of a device."""
        return index % self.sites

    def next_of(self, index: int, *, after: float) -> Outage | None:
        """Return the next outage of a device's site that begins after that second."""
        if self.every_s is None:
            return None
        number = max(0, int(after // self.every_s) - 1)
        while True:
            site, outage = self._outage(number, self.every_s)
            if outage.starts_at > after and site == self.site_of(index):
                return outage
            number += 1

    def _outage(self, number: int, every_s: float) -> tuple[int, Outage]:
        dice = Stream(f"{self.seed}:outage:{number}")
        site = dice.randrange(self.sites)
        # In the first half of its span, so that no two of a site overlap by their start.
        starts_at = (number + dice.uniform(0.2, 0.7)) * every_s
        return site, Outage(number, starts_at, dice.uniform(*self.away_s))
