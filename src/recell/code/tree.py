"""The tree of nested code objects, and paths through it.

A path names the functions and classes on the way down: `"helper"`, `"a.b"`, `"a.<locals>.b"`, `"C.method.<lambda>"`.
Scopes that only the compiler makes (PEP 695's type parameters, comprehensions before 3.12) need not be named, so
that one path means the same function on every release.
"""

from __future__ import annotations

from types import CodeType, FunctionType

from recell.errors import ScopeError, nearest, short
from recell.flags import is_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Chain = tuple[CodeType, ...]

__all__ = ["GENERIC", "direct", "is_function", "is_generic", "nested_chain"]

_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
GENERIC = "<generic parameters of "
_LONGEST_TREE = 40


def is_generic(code: CodeType) -> bool:
    """Say whether this is the scope that PEP 695's type parameters have of their own (3.12+)."""
    name = code.co_name
    return name[0] == "<" and name.startswith(GENERIC)


def direct(outer: CodeType, path: object) -> int:
    """Return the index of the function among the constants: the only one of the name, one level down. Else -1."""
    index = -1
    at = 0
    for constant in outer.co_consts:
        if type(constant) is CodeType:
            name = constant.co_name
            if name == path:
                if index >= 0:
                    return -1
                index = at
            elif (
                name[0] == "<"
                and name != "<genexpr>"
                and any(type(inside) is CodeType for inside in constant.co_consts)
            ):
                return -1
        at += 1  # noqa: SIM113 - `enumerate` takes longer
    return index if index >= 0 and is_function(outer.co_consts[index]) else -1


def nested_chain(outer: CodeType, path: object, line: int | None, target: object) -> Chain:
    """The code objects from the one that `outer` makes down to the function that the path names.

    Args:
        outer: the code that holds the others.
        path: names with dots between them, or the nested code object itself.
        line: a line of the function meant, where several have the path.
        target: whose code `outer` is, for the errors.

    Raises:
        ScopeError: there is no such function, or there are several.
        TypeError: the path is neither a text nor a code object; the line is no number.
    """
    if line is not None and not isinstance(line, int):
        msg = f"line= is the number of a line, not {short(line)}"
        raise TypeError(msg)
    if line is None:
        index = direct(outer, path)
        if index >= 0:
            return (outer.co_consts[index],)
    if type(path) is CodeType:
        found = [chain for chain in _walk(outer) if chain[-1] is path]
    elif not isinstance(path, str):
        msg = f"the path of a nested function is a text such as 'helper' or 'a.b', not {short(path)}"
        raise TypeError(msg)
    elif "." in path:
        parts = [part for part in path.split(".") if part != "<locals>"]
        found = list(_matches(outer, parts, ()))
    else:
        found = list(_matches(outer, [path], ()))
    functions = [chain for chain in found if is_function(chain[-1])]
    if line is not None:
        exact = [chain for chain in functions if chain[-1].co_firstlineno == line]
        fitting = exact or [chain for chain in functions if _has_line(chain[-1], line)]
        if functions and not fitting:
            what = "none of them holds" if len(functions) > 1 else "it does not hold"
            raise _several(path, functions, target, f"{what} line {line}")
        functions = fitting
    if len(functions) == 1:
        return functions[0]
    if functions:
        raise _several(path, functions, target, "pass line=, or the code object itself as the path")
    raise _unknown(outer, path, found, target)


def _matches(code: CodeType, parts: list[str], above: Chain) -> Iterator[Chain]:
    name = parts[0] if parts else ""
    for constant in code.co_consts:
        if type(constant) is not CodeType:
            continue
        found = constant.co_name
        if found == name:
            chain = (*above, constant)
            if len(parts) == 1:
                yield chain
            else:
                yield from _matches(constant, parts[1:], chain)
        elif found[:1] == "<" and (found in _COMPREHENSIONS or found.startswith(GENERIC)):
            yield from _matches(constant, parts, (*above, constant))


def _walk(code: CodeType, above: Chain = ()) -> Iterator[Chain]:
    for constant in code.co_consts:
        if type(constant) is CodeType:
            chain = (*above, constant)
            yield chain
            yield from _walk(constant, chain)


def _shown(chain: Chain) -> bool:
    """Say whether a listing shows it: what only the compiler makes is left out."""
    code = chain[-1]
    if is_generic(code) or code.co_name in ("__annotate__", "__annotate_func__"):
        return False
    # bounds and defaults of type parameters, values of type aliases
    return not (len(chain) > 1 and is_generic(chain[-2]) and code.co_name not in chain[-2].co_name)


def _dotted(chain: Chain) -> str:
    return ".".join(code.co_name for code in chain if not is_generic(code))


def tree(outer: CodeType) -> str:
    """The functions and classes nested in a code object, indented, with their lines."""
    rows: list[str] = []
    for chain in _walk(outer):
        if _shown(chain):
            code = chain[-1]
            depth = sum(not is_generic(above) for above in chain)
            kind = "" if is_function(code) else "class "
            rows.append(f"{'  ' * depth}{kind}{code.co_name} (line {code.co_firstlineno})")
    if len(rows) > _LONGEST_TREE:
        left = len(rows) - _LONGEST_TREE
        rows[_LONGEST_TREE:] = [f"  … and {left} more"]
    return "\n".join(rows)


def _has_line(code: CodeType, line: int) -> bool:
    """Say whether a line belongs to the function, or to one nested in it."""
    if code.co_firstlineno > line:
        return False
    from dis import findlinestarts

    lines = [number for _, number in findlinestarts(code) if number]  # None: without a line
    if lines and max(lines) >= line:
        return True
    return any(_has_line(constant, line) for constant in code.co_consts if type(constant) is CodeType)


def _several(path: object, found: list[Chain], target: object, hint: str) -> ScopeError:
    candidates = tuple(f"{_dotted(chain)} (line {chain[-1].co_firstlineno})" for chain in found)
    count, be = ("one function", "is") if len(found) == 1 else (f"{len(found)} functions", "are")
    msg = f"{count} in {short(target)} {be} called {_called(path)}: {', '.join(candidates)}; {hint}"
    return ScopeError(msg, name=_called(path), names=candidates, target=short(target))


def _unknown(outer: CodeType, path: object, found: list[Chain], target: object) -> ScopeError:
    chains = [chain for chain in _walk(outer) if _shown(chain)]
    names = tuple(_dotted(chain) for chain in chains if is_function(chain[-1]))
    what = short(target)
    if found:
        inside = [name for name in names if name.startswith(_dotted(found[0]) + ".")]
        msg = f"`{_called(path)}` in {what} is a class, not a function"
        msg += f"; name a function in it, such as `{inside[0]}`" if inside else ""
    elif not names:
        msg = f"{what} holds no nested function, so no `{_called(path)}`"
        if type(getattr(target, "__dict__", {}).get("__wrapped__")) is FunctionType:
            msg += "; it wraps another function: pass its `__wrapped__`"
    else:
        msg = f"{what} has no nested function `{_called(path)}`"
        close = _closest(_called(path), names)
        if close:
            msg += f"; did you mean `{close}`"
        elif _called(path).rpartition(".")[2] in _COMPREHENSIONS:
            msg += "; from CPython 3.12 on comprehensions are part of the function around them (PEP 709)"
        msg += f"; there are:\n{tree(outer)}"
    return ScopeError(msg, name=_called(path), names=names, target=what)


def _closest(path: str, names: tuple[str, ...]) -> str | None:
    last = path.rpartition(".")[2]
    deeper = [name for name in names if name.rpartition(".")[2] == last]
    return deeper[0] if deeper else nearest(path.replace(".<locals>", ""), names)


def _called(path: object) -> str:
    return path.co_name if type(path) is CodeType else str(path)
