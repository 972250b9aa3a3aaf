"""Changes that only the current context sees: one thread, task or request."""

from recell.local.verbs import override, patch_closure, swap, wrap

__all__ = ["override", "patch_closure", "swap", "wrap"]

for _verb in (override, patch_closure, swap, wrap):
    _verb.__module__ = "recell.local"
del _verb
