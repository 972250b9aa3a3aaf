"""recell: closures, cells and functions taken apart, rebound, rebuilt and replaced in place.

Everything public is importable from here and loaded on first use (PEP 562): `import recell` itself costs
next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.cells import EMPTY as EMPTY
    from recell.cells import Closure as Closure
    from recell.cells import SharedCell as SharedCell
    from recell.cells import closure as closure
    from recell.cells import make_cell as make_cell
    from recell.cells import owners as owners
    from recell.cells import sharing as sharing
    from recell.classes import attach as attach
    from recell.classes import repoint as repoint
    from recell.errors import BuiltinsMismatchError as BuiltinsMismatchError
    from recell.errors import ChangeError as ChangeError
    from recell.errors import ClosureMismatchError as ClosureMismatchError
    from recell.errors import EmptyCellError as EmptyCellError
    from recell.errors import FreeVariableError as FreeVariableError
    from recell.errors import InterferenceError as InterferenceError
    from recell.errors import RecellError as RecellError
    from recell.errors import ScopeError as ScopeError
    from recell.errors import SourceError as SourceError
    from recell.errors import UnsafeCodeError as UnsafeCodeError
    from recell.errors import UnsupportedCodeError as UnsupportedCodeError
    from recell.errors import UnsupportedPythonError as UnsupportedPythonError
    from recell.functions import clone as clone
    from recell.functions import make_function as make_function
    from recell.functions import rebind as rebind
    from recell.functions import replace as replace
    from recell.functions import substitute as substitute
    from recell.nested import inner as inner
    from recell.nested import patch_inner as patch_inner
    from recell.nested import replace_inner as replace_inner
    from recell.patching import Change as Change
    from recell.patching import Patcher as Patcher
    from recell.patching import override as override
    from recell.patching import patch_closure as patch_closure
    from recell.patching import running as running
    from recell.patching import swap as swap
    from recell.patching import wrap as wrap
    from recell.reloading import Report as Report
    from recell.reloading import reload as reload
    from recell.scopes import Scope as Scope
    from recell.scopes import demote as demote
    from recell.scopes import freeze as freeze
    from recell.scopes import promote as promote
    from recell.scopes import scope as scope
    from recell.source import build_function as build_function
    from recell.source import define as define
    from recell.source import forward as forward
    from recell.verifier import verify as verify

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
    "attach": "classes",
    "repoint": "classes",
    "BuiltinsMismatchError": "errors",
    "ChangeError": "errors",
    "ClosureMismatchError": "errors",
    "EmptyCellError": "errors",
    "FreeVariableError": "errors",
    "InterferenceError": "errors",
    "RecellError": "errors",
    "ScopeError": "errors",
    "SourceError": "errors",
    "UnsafeCodeError": "errors",
    "UnsupportedCodeError": "errors",
    "UnsupportedPythonError": "errors",
    "clone": "functions",
    "make_function": "functions",
    "rebind": "functions",
    "replace": "functions",
    "inner": "nested",
    "patch_inner": "nested",
    "replace_inner": "nested",
    "Change": "patching",
    "patch_closure": "patching",
    "running": "patching",
    "swap": "patching",
    "wrap": "patching",
    "Report": "reloading",
    "reload": "reloading",
    "Scope": "scopes",
    "demote": "scopes",
    "freeze": "scopes",
    "promote": "scopes",
    "scope": "scopes",
    "override": "patching",
    "build_function": "source",
    "define": "source",
    "forward": "source",
    "substitute": "functions",
    "Patcher": "patching",
    "verify": "verifier",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll] - the keys are strings


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        if name in _HOMES.values():  # recell.patching, without an import of its own
            return import_module(f"{__name__}.{name}")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
