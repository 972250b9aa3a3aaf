"""recell: closures, cells and functions taken apart, rebound, rebuilt and replaced in place.

Everything public is importable from here and loaded on first use (PEP 562): `import recell` itself costs
next to nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

# public name -> the module that has it
_HOMES = {
    "EMPTY": "cells",
    "Closure": "cells",
    "SharedCell": "cells",
    "closure": "cells",
    "make_cell": "cells",
    "owners": "cells",
    "sharing": "cells",
    "Repointed": "classes.verbs",
    "attach": "classes.verbs",
    "repoint": "classes.verbs",
    "BuiltinsMismatchError": "errors",
    "ChangeError": "errors",
    "ClosureMismatchError": "errors",
    "EmptyCellError": "errors",
    "FreeVariableError": "errors",
    "InterferenceError": "errors",
    "RecellError": "errors",
    "ReloadRefused": "errors",
    "ScopeError": "errors",
    "SourceError": "errors",
    "UnsafeCodeError": "errors",
    "UnsupportedCodeError": "errors",
    "UnsupportedPythonError": "errors",
    "running": "frames",
    "clone": "functions.cloning",
    "make_function": "functions.make_function",
    "rebind": "functions.rebinding",
    "replace": "functions.replacing",
    "substitute": "functions.substituting",
    "Change": "layers.changes",
    "active_changes": "layers.changes",
    "localize": "local.verbs",
    "localized": "local.verbs",
    "inner": "nested.inner",
    "patch_inner": "nested.verbs",
    "replace_inner": "nested.verbs",
    "Patcher": "patcher",
    "patch_closure": "patching.closures",
    "patch_defaults": "patching.defaults",
    "Override": "patching.overriding",
    "override": "patching.overriding",
    "Spy": "patching.spying",
    "spy": "patching.spying",
    "Swap": "patching.swapping",
    "swap": "patching.swapping",
    "wrap": "patching.swapping",
    "Report": "reloading.reports",
    "reload": "reloading.verbs",
    "call_replaced": "rewriting.calls",
    "inserted": "rewriting.inserting",
    "ENTRY": "rewriting.places",
    "ERROR": "rewriting.places",
    "EXIT": "rewriting.places",
    "Probe": "rewriting.probing",
    "probe": "rewriting.probing",
    "patch_code": "rewriting.verbs",
    "rewrite": "rewriting.verbs",
    "freeze": "scopes.freezing",
    "demote": "scopes.promoting",
    "promote": "scopes.promoting",
    "Scope": "scopes.scope",
    "scope": "scopes.scope",
    "stateless": "scopes.stateless",
    "build_function": "source.verbs",
    "define": "source.verbs",
    "forward": "source.verbs",
    "verify": "verifier.verify",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll] - the keys are strings


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        if name in {home.partition(".")[0] for home in _HOMES.values()}:  # recell.cells, not imported yet
            return import_module(f"{__name__}.{name}")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "errors", "local"})  # the modules that are public as such
