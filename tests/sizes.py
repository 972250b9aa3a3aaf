"""The two sizes of every sampled test: a seeded sample by default, the full counts with RECELL_SIZE=full."""

from __future__ import annotations

import os
import sys
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("RECELL_SIZE") == "full"
SEED = int(os.environ.get("RECELL_SEED", "20261120"))
DEBUG = hasattr(sys, "gettotalrefcount")
"""A debug build, where everything takes four times as long."""


def pick(sample: T, full: T, debug: T | None = None) -> T:
    """The count that a test uses in this run; `debug`: a debug build's own sample, otherwise half of a large one."""
    if FULL:
        return full
    if DEBUG:
        if debug is not None:
            return debug
        return sample // 2 if isinstance(sample, int) and sample >= 200 else sample  # type: ignore[return-value]
    return sample
