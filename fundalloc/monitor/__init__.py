"""The monitor: the arithmetic that watches the fairness of a fund over its rounds."""

from fundalloc.monitor.course import Course
from fundalloc.monitor.section import MonitorSection
from fundalloc.monitor.watched import Listing, Watched, watch

__all__ = ["Course", "Listing", "MonitorSection", "Watched", "watch"]
