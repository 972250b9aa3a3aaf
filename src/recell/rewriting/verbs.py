"""`rewrite`: a function with its code edited through the `bytecode` library."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from recell.callables import function_of, functions_of, rebuild
from recell.cells import cells_of, check_mapping, unknown_free_variable
from recell.code.guarded import own_code
from recell.errors import short
from recell.functions.replacing import replace
from recell.layers.edits import CODE_EDIT
from recell.layers.records import up_to
from recell.public import public
from recell.rewriting.layering import CodePatch
from recell.rewriting.rewriting import check_edits, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from recell.layers.changes import Change

    Form = Literal["Bytecode", "ControlFlowGraph", "ConcreteBytecode"]

F = TypeVar("F")

__all__ = ["patch_code", "rewrite"]

_NOTHING: Mapping[str, object] = {}


@public
def rewrite(
    func: F,
    /,
    *edits: Callable[[Any], Any],
    values: Mapping[str, object] = _NOTHING,
    form: Form | type | None = None,
) -> F:
    """Return the function with its code edited through the `bytecode` library.

    Each edit gets a `bytecode.Bytecode`, or what the annotation of its parameter asks for: a `ControlFlowGraph` or a
    `ConcreteBytecode`. It edits that in place and returns None, or returns one of the three. It must be pure: the same
    instructions in, the same out. Everything around the edit is kept or made right: metadata, positions, handlers, the
    prologue, the size of the stack.

    Args:
        func: a function, anything that stands for one, or a code object.
        edits: applied in this order. Ready ones: `inserted`, `call_replaced`.
        values: contents (or cells) of free variables that the edits bring in.
        form: the form that every edit gets, whatever its annotation says.

    Returns:
        A new callable of the same kind, sharing the original's cells; for a code object a code object.

    Raises:
        UnsafeCodeError: the edited code could crash the interpreter.
        UnsupportedCodeError: the library cannot show this code exactly, or an edit changed parameters or kind.
        ClosureMismatchError: an edit brought in a free variable without a value.
        FreeVariableError: `values` names what is no free variable.
        TypeError: an edit is not callable or returned something else; `func` holds no Python function.

    What an edit raises itself propagates unchanged.

    >>> from recell import rewrite
    >>> def price(net):
    ...     return net * 2
    >>> def half_more(code):
    ...     for instr in code:
    ...         if getattr(instr, "arg", None) == 2:
    ...             instr.set("LOAD_CONST", 3)
    >>> rewrite(price, half_more)(10), price(10)
    (30, 20)
    """
    if not edits:
        msg = (
            f"rewrite of {short(func)} without an edit changes nothing; pass callables that take a `Bytecode`"
        )
        raise TypeError(msg)
    if values is not _NOTHING:
        check_mapping(values, "rewrite")
    checked = check_edits(edits, form, "rewrite")
    if type(func) is CodeType:
        if values:
            msg = "rewrite: values= gives the cells of a function; a code object has none"
            raise TypeError(msg)
        return cast("F", rewritten(cast("CodeType", func), checked))
    functions = functions_of(func, "rewrite")
    codes = {id(function): rewritten(own_code(function), checked) for function in functions}
    cells: Mapping[str, object] = cells_of(values) if values else {}
    names = {name for code in codes.values() for name in code.co_freevars}
    for name in cells:
        if name not in names:
            raise unknown_free_variable(name, functions[0])

    def with_edits(function: FunctionType) -> FunctionType:
        code = codes[id(function)]
        own = {name: cell for name, cell in cells.items() if name in code.co_freevars}
        if own:
            return replace(function, code=code, closure=own, verify=False)
        return replace(function, code=code, verify=False)

    return rebuild(func, with_edits, "rewrite")


@public
def patch_code(
    func: Any,
    /,
    *edits: Callable[[Any], Any],
    values: Mapping[str, object] = _NOTHING,
    form: Form | type | None = None,
) -> Change:
    """Return a change that edits a function's code in place, as `rewrite` does in a new function.

    The edits are a layer: they are applied anew to whatever lies beneath, such as the new text of a reload, and
    whatever lies over them, such as overridden names, is applied to what they make. Functions that exist already, and
    frames that run, keep the code that they have.

    Args:
        func: a function, or anything that stands for one; of a bound method the class's function.
        edits: applied in this order. Ready ones: `inserted`, `call_replaced`.
        values: contents (or cells) of free variables that the edits bring in.
        form: the form that every edit gets, whatever its annotation says.

    Returns:
        A change that is not entered yet.

    Raises:
        As `rewrite`: what is wrong is told here, before anything is changed. ScopeError where `values` names a free
        variable that the function has already.

    >>> from recell import inserted, patch_code
    >>> def price(net):
    ...     return net * 2
    >>> with patch_code(price, inserted("net += 1", at="return net * 2")):
    ...     price(10)
    22
    >>> price(10)
    20
    """
    if not edits:
        msg = f"patch_code of {short(func)} without an edit changes nothing; pass callables that take a `Bytecode`"
        raise TypeError(msg)
    if values is not _NOTHING:
        check_mapping(values, "patch_code")
    function = function_of(func, "patch_code")
    cells = cells_of(values) if values else {}
    patch = CodePatch(func, function, check_edits(edits, form, "patch_code"), cells)
    above = patch.layer()(up_to(function, CODE_EDIT))
    for name in cells:
        if name not in above.code.co_freevars:
            raise unknown_free_variable(name, function)
    return patch
