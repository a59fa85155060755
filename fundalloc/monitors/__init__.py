"""The monitor: the arithmetic that watches the fairness of a fund over its rounds."""

from fundalloc.monitors.course import Course
from fundalloc.monitors.section import MonitorSection
from fundalloc.monitors.watched import Listing, Watched, watch

__all__ = ["Course", "Listing", "MonitorSection", "Watched", "watch"]
