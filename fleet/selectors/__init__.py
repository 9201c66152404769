"""Reads about the fleet as a whole."""

from fleet.selectors.attention import attention
from fleet.selectors.overview import overview
from fleet.selectors.simulated import simulated_fleet
from fleet.selectors.trends import trend

__all__ = ["attention", "overview", "simulated_fleet", "trend"]
