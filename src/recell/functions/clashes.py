"""Exchanges of names that cannot be: two would become one, a name is not there, or is not the code's own."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from recell import compat
from recell.code.guarded import own_code
from recell.code.instructions import decoded
from recell.errors import ScopeError, hint_nearest, listed
from recell.functions.name_constants import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["check_clashes", "not_found", "with_imports_kept"]


def check_clashes(code: CodeType, rename: Mapping[str, str]) -> None:
    """Refuse to make one of two variables, or of two attributes; an attribute and a variable are apart anyway."""
    shifts = compat.require("renaming").name_shift
    variables = {*code.co_varnames, *code.co_freevars, *code.co_cellvars}
    attributes: set[str] = set()
    for instruction in decoded(code):
        shift = shifts.get(instruction.name)
        if shift is not None:
            name = code.co_names[instruction.argument >> shift]
            if instruction.name.startswith("IMPORT_"):
                continue
            kind = (
                variables
                if "GLOBAL" in instruction.name or instruction.name.endswith("_NAME")
                else attributes
            )
            kind.add(name)
    for kind, what in ((variables, "variables"), (attributes, "attributes")):
        seen: dict[str, str] = {}
        for old in sorted(kind):
            new = rename.get(old, old)
            if new in seen:
                first, second = sorted((seen[new], old), key=lambda name: name == new)
                msg = f"`{first}` and `{second}` are two {what} of {code!r}, and both would be named `{new}`"
                raise ScopeError(msg, name=new, names=(first, second), target=repr(code))
            seen[new] = old


def with_imports_kept(code: CodeType, rename: Mapping[str, str]) -> tuple[CodeType, tuple[str, ...]]:
    """The code and its names renamed, but for those of what it imports: they are not the function's to change."""
    shifts = compat.require("renaming").name_shift
    instructions = list(decoded(code))
    imports = [found for found in instructions if found.name in ("IMPORT_NAME", "IMPORT_FROM")]
    shared = {
        found.argument >> shifts[found.name]
        for found in instructions
        if found.name in shifts and found not in imports
    }
    own = {found.argument >> shifts[found.name] for found in imports} - shared
    names = [name if index in own else rename.get(name, name) for index, name in enumerate(code.co_names)]
    raw = bytearray(code.co_code)
    for found in imports:
        shift = shifts[found.name]
        name = code.co_names[found.argument >> shift]
        if name in rename and found.argument >> shift not in own:
            new = len(names) << shift | found.argument & (1 << shift) - 1
            if new > 255 or found.wide:
                raise refusal(code, "imports among that many names")
            raw[found.offset + 1] = new
            names.append(name)
    return code.replace(co_code=bytes(raw)), tuple(names)


def not_found(
    rename: Mapping[str, str],
    constants: Mapping[Any, object],
    key_of: Callable[[object], Any],
    found: set[Any],
    target: str,
    functions: Iterable[FunctionType],
) -> ScopeError:
    codes = [own_code(function) for function in functions]
    for code in codes:
        codes.extend(const for const in code.co_consts if type(const) is CodeType)
    for old in rename:
        if old not in found:
            fields = ("co_varnames", "co_freevars", "co_cellvars", "co_names")
            names = tuple(
                dict.fromkeys(name for code in codes for field in fields for name in getattr(code, field))
            )
            msg = f"{target} has no name `{old}`; it has: {listed(names)}{hint_nearest(old, names)}"
            return ScopeError(msg, name=old, names=names, target=target)
    missing = next(each for each in constants if ("constant", key_of(each)) not in found)
    consts = [const for code in codes for const in code.co_consts if const is not None]
    if type(missing) is str:
        texts = tuple(dict.fromkeys(const for const in consts if type(const) is str))
        msg = f"no constant of {target} is {missing!r}; its strings are: {', '.join(map(repr, texts)) or 'none'}"
        return ScopeError(msg + hint_nearest(missing, texts), name=missing, names=texts, target=target)
    shown = tuple(dict.fromkeys(repr(const) for const in consts if type(const) not in (str, CodeType)))
    msg = f"no constant of {target} is {missing!r}; it has: {', '.join(shown) or 'no other than texts'}"
    return ScopeError(msg, name=repr(missing), names=shown, target=target)
