"""The two sizes of every sampled test: a seeded sample by default, the full counts with RECELL_SIZE=full."""

from __future__ import annotations

import os
import sys

FULL = os.environ.get("RECELL_SIZE") == "full"
SEED = int(os.environ.get("RECELL_SEED", "20261120"))
DEBUG = hasattr(sys, "gettotalrefcount")
"""A debug build, where everything takes four times as long."""


def pick(sample: int, full: int, debug: int | None = None) -> int:
    """The count that a test uses in this run; `debug`: a debug build's own sample, otherwise half of a large one."""
    if FULL:
        return full
    if DEBUG:
        return debug if debug is not None else sample // 2 if sample >= 200 else sample
    return sample
