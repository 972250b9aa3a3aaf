"""Which names of a text its module imports, as far as the module's globals tell.

A call `name.attribute()` is compiled in another way where the module imports the name (3.11+, Python/compile.c,
`is_import_originated`); so is one in a text that is to run in the module's globals. Either way it does the same.
"""

from __future__ import annotations

import re
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from recell import compat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["imported"]

_KNOWS_IMPORTS = hasattr(CodeType, "co_qualname")  # 3.11+
_MADE_AT_RUN_TIME = 1 << 9  # Py_TPFLAGS_HEAPTYPE

_WORD = re.compile(r"\w+")
_CLOSING = ") \t\f\r\n\\"  # what may stand between a name and what is done with it


def imported(text: str, globals: dict[str, Any]) -> list[str]:
    """The names that methods of are called in the text, and that the globals seem to have by import.

    Args:
        text: of one definition.
        globals: of the module that it is to stand in; only read.

    Returns:
        The names, each once.
    """
    if not _KNOWS_IMPORTS:
        return []
    found: set[str] = set()
    for before in text.split("(")[:-1]:
        owner, dot, attribute = before.rpartition(".")
        if dot and attribute.lstrip().rstrip(_CLOSING).isidentifier():
            # the last one, without a search from the left
            word = _WORD.match(owner.rstrip(_CLOSING)[::-1])
            if word is not None:
                found.add(word.group()[::-1])
    return [name for name in found if name in globals and _seems_imported(name, globals)]


def _seems_imported(name: str, globals: dict[str, Any]) -> bool:
    value = globals.get(name)
    home = globals.get("__name__")
    if type(value) is ModuleType and value.__name__.rpartition(".")[2] == name:
        return True
    if type(value) is compat.LAZY_IMPORT or isinstance(value, BuiltinFunctionType):
        return True
    if isinstance(value, type):
        # a class that is written in C may call any module its own
        return not value.__flags__ & _MADE_AT_RUN_TIME or (
            value.__module__ != home and value.__name__ == name
        )
    if isinstance(value, FunctionType):
        return value.__module__ not in (None, home)
    if value is None:  # what stands for a module that could not be imported
        return name in getattr(sys, "stdlib_module_names", ())  # 3.10+
    if isinstance(value, (str, bytes, int, float, tuple)):
        return False
    if type(value) is not ModuleType and not _is_elsewhere(value, name, home):
        return False
    return not _used_as_own(name, globals, home)


def _is_elsewhere(value: object, name: str, home: object) -> bool:
    """Whether another module has the object: the one of its class under any name, or any one under this name."""
    maker = type(value).__module__
    return any(
        type(module) is ModuleType
        and module.__name__ != home
        and (
            module.__dict__.get(name) is value
            or (module.__name__ == maker and any(found is value for found in [*module.__dict__.values()]))
        )
        for module in [*sys.modules.values()]
    )


def _used_as_own(name: str, globals: dict[str, Any], home: object) -> bool:
    """Whether a function of the module calls a method of the name as that of a name which is not imported."""
    return any(
        type(function) is FunctionType
        and function.__module__ == home
        and name in function.__code__.co_names
        and _calls_as_own(name, function.__code__)
        for function in [*globals.values()]
    )


def _calls_as_own(name: str, code: CodeType) -> bool:
    import dis

    release = compat.find()
    if release is None:
        return False
    shift = release.name_shift.get("LOAD_ATTR", 0)
    before = ""
    for each in dis.get_instructions(code):
        # 3.11 has an opcode of its own for it, later ones a bit of the argument
        method = (each.arg or 0) & 1 if shift else each.opname == "LOAD_METHOD"
        if method and before == name and each.opname in ("LOAD_METHOD", "LOAD_ATTR"):
            return True
        before = each.argval if each.opname in ("LOAD_GLOBAL", "LOAD_NAME") else ""
    return False
