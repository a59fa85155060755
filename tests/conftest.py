"""One profile for all property tests: the same examples on every machine, no time limits; the databases."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does; before anything loads numpy

from hypothesis import HealthCheck, settings

from tests.databases import place, server

__all__ = ["place", "server"]

settings.register_profile(
    "fundalloc",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("fundalloc")
