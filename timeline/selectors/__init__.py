"""Reads of the merged timeline."""

from timeline.merging import cursor_of
from timeline.selectors.page import SOURCES, newest_of, timeline_of

__all__ = ["SOURCES", "cursor_of", "newest_of", "timeline_of"]
