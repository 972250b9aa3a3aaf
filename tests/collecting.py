"""Garbage collections every few objects, and quick ones: what lived before is out of their sight."""

from __future__ import annotations

import contextlib
import gc
from typing import Iterator


@contextlib.contextmanager
def collecting(*thresholds: int) -> Iterator[None]:
    """Inside, the collector runs at these thresholds (0: when it is called), over the objects made inside."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
