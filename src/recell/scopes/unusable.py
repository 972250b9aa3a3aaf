"""Names that a verb cannot use in a function, and why: the errors say what each name is there instead."""

from __future__ import annotations

from types import CodeType, FunctionType

from recell.code.guarded import own_code
from recell.code.instructions import found, opcodes
from recell.code.uses import uses
from recell.errors import ScopeError, hint_nearest, listed, nearest, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Union

    Target = Union[FunctionType, CodeType]

__all__ = ["already_free", "code_of", "finds_class", "hides_local", "not_usable"]


def code_of(target: Target) -> CodeType:
    """Return the code of a function, or the code object itself."""
    return target if type(target) is CodeType else own_code(target)


def finds_class(code: CodeType) -> bool:
    """Say whether zero-argument `super()` in the code, or nested in it, looks for its free variable `__class__`."""
    if "__class__" not in code.co_freevars:
        return False
    if "super" in code.co_names:
        return True
    return any(type(constant) is CodeType and finds_class(constant) for constant in code.co_consts)


def hides_local(code: CodeType, name: str) -> bool:
    """Say whether a local with the name of a global is more than an inlined comprehension's variable (3.12+)."""
    if name not in code.co_varnames:
        return True
    raw = code.co_code
    slot = code.co_varnames.index(name)
    cleared = found(raw[::2], raw[1::2], opcodes().load_and_clear)
    return all(argument != slot for _, _, argument in cleared)


_WANTED = {
    "promote": "promote takes names that it reads as globals or builtins",
    "freeze": "freeze takes globals, builtins and free variables that it only reads",
    "demote": "demote takes free variables",
}


def already_free(name: str, function: Target) -> ScopeError:
    """Return the error for a name that would become a second free variable."""
    msg = f"`{name}` is a free variable of {short(function)} already; use rebind to give it another cell"
    return ScopeError(msg, name=name, names=code_of(function).co_freevars, target=short(function))


def not_usable(name: object, function: Target, verb: str) -> Exception:
    """Return the error for a name that a verb cannot take: what it is in the function instead."""
    if type(name) is not str:
        return TypeError(f"{verb} takes names as text, not {short(name)}")
    target = short(function)
    table = uses(code_of(function))
    use = table.get(name)
    candidates = tuple(sorted(_candidates(function, verb)))
    hint = f"; {_WANTED[verb]}"
    if verb == "promote" and use is not None and use.free:
        return already_free(name, function)
    if verb == "freeze" and use is not None and (use.written or use.free_written):
        msg = (
            f"`{name}` is assigned or deleted in {target}, and a constant cannot be; promote gives it a cell"
        )
    elif name == "__class__" and verb != "promote" and use is not None and use.free:
        msg = f"`__class__` of {target} has to stay a free variable: zero-argument super() looks for it there"
    elif use is not None and use.parameter:
        msg = f"`{name}` is a parameter of {target}{hint}"
    elif use is not None and use.local:
        msg = f"`{name}` is a local variable of {target}{hint}"
    elif use is not None and (use.read or use.written):
        msg = f"`{name}` is a global or builtin in {target}{hint}"
    elif use is not None and use.free:
        msg = f"`{name}` is a free variable that {target} does not read{hint}"
    else:
        msg = f"{target} does not use `{name}`; it uses: {listed(candidates)}{hint_nearest(name, candidates)}"
    return ScopeError(msg, name=name, names=candidates, nearest=nearest(name, candidates), target=target)


def _candidates(function: Target, verb: str) -> Iterator[str]:
    for name, use in uses(code_of(function)).items():
        if verb == "demote":
            if use.free:
                yield name
        elif verb == "promote":
            if (use.read or use.written) and not use.free:
                yield name
        elif (use.read or use.free_read) and not (use.written or use.free_written):
            yield name
