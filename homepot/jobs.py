"""Periodic jobs of the installation as a whole."""

from kernel import housekeeping, ticker

ticker.register("kernel.housekeeping", every_s=60.0, run=housekeeping.forget_old)
