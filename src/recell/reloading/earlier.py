"""What a module's text said before: which constants it bound, as far as its code is still to be had.

An earlier reload remembers the code; else it stands in the cached bytecode, as long as that is the text that was
imported. A constant that the text did not change is not taken from it again: what lives may have moved on.
"""

from __future__ import annotations

from types import CodeType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from recell.code.tree import is_function
from recell.reloading.comparing import Grouped, codes_below

__all__ = ["CODES", "Constants"]

# module -> the code of the text that is in force, where a reload put it there
CODES: WeakKeyDictionary[ModuleType, CodeType] = WeakKeyDictionary()


class Constants:
    """The constants that the old text bound to names.

    Args:
        module: the module.
        old: the code objects of its living functions, to recognise the text by.
    """

    def __init__(self, module: ModuleType, old: Grouped) -> None:
        self._module, self._old = module, old
        self._bodies: dict[str, dict[str, Any]] | None = None

    def unchanged(self, body: str, name: str, value: object) -> bool | None:
        """Whether the old text bound a name to this constant already; None where that is not known.

        Args:
            body: the path of the class; empty for the module.
            name: the name.
            value: what the new text binds it to.
        """
        constants = self._of(body)
        if constants is None:
            return None
        return name in constants and _same(constants[name], value)

    def bound(self, body: str, name: str, value: object) -> bool:
        """Whether the old text is known to have bound a name to this constant."""
        constants = self._of(body)
        return constants is not None and name in constants and _same(constants[name], value)

    def _of(self, body: str) -> dict[str, Any] | None:
        if self._bodies is None:
            code = CODES.get(self._module) or self._cached()
            self._bodies = {} if code is None else dict(_bodies(code, ""))
        return self._bodies.get(body)

    def _cached(self) -> CodeType | None:
        """The code in the module's cached bytecode, if its functions are those that live."""
        import marshal

        path = getattr(self._module, "__cached__", None) or getattr(
            getattr(self._module, "__spec__", None), "cached", None
        )
        if not isinstance(path, str):
            return None
        try:
            with open(path, "rb") as stream:
                code = marshal.loads(stream.read()[16:])
        except (OSError, ValueError, EOFError, TypeError):
            return None
        if type(code) is not CodeType:
            return None
        known = Grouped(codes_below(code))
        met = [path for path in known if path in self._old]
        if not met or any(known.single[path] != self._old.single[path] for path in met):
            return None
        return code


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _bodies(code: CodeType, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The constants that a module's or class's body binds, and those of the classes in it."""
    import dis

    found: list[tuple[str, dict[str, Any]]] = []
    bodies = [("", code)] + [
        (below, nested) for below, nested in codes_below(code, path) if not is_function(nested)
    ]
    for below, body in bodies:
        constants: dict[str, Any] = {}
        last: Any = None
        for step in dis.get_instructions(body):
            if step.opname == "STORE_NAME":
                if last is not None and step.argval not in constants:
                    constants[step.argval] = last.argval
                elif step.argval in constants:
                    del constants[step.argval]
            last = step if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT") else None
        found.append((below, constants))
    return found
