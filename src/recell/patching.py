"""Functions changed in place, and back again: `override`, `patch_closure`, `swap`, `wrap`, `running`, `Patcher`."""

from __future__ import annotations

from recell.inplace.changes import Change
from recell.inplace.contents import patch_closure
from recell.inplace.overriding import override
from recell.inplace.runs import running
from recell.inplace.swapping import swap, wrap
from recell.inplace.transactions import Patcher

__all__ = ["Change", "Patcher", "override", "patch_closure", "running", "swap", "wrap"]
