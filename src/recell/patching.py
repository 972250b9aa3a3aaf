"""Functions changed in place, and back again: `override`, `patch_closure`, `swap`, `wrap`, `running`, `Patcher`."""

from __future__ import annotations

from recell.changes import Change
from recell.contents import patch_closure
from recell.overriding import override
from recell.runs import running
from recell.swapping import swap, wrap
from recell.transactions import Patcher

__all__ = ["Change", "Patcher", "override", "patch_closure", "running", "swap", "wrap"]
