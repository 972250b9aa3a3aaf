"""The same tasks by recell, by its peers and by hand, in one interleaved run: `python -m bench peers`.

A peer that is not installed is listed as such; one that cannot do the task is listed with what it raises.
"""

from __future__ import annotations

from .ways import Task, Way

__all__ = ["Task", "Way"]
