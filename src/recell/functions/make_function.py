"""A function from a code object: `make_function`."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.code.iterators import with_iterator
from recell.functions.arguments import Parts, check_code, check_globals, closure_for, merged_defaults
from recell.functions.building import KEEP, build, own_version
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["make_function", "verified"]


@public
def make_function(
    code: CodeType,
    globals: dict[str, Any] | None = None,
    name: str | None = None,
    defaults: tuple[Any, ...] | Mapping[str, object] | None = None,
    closure: tuple[CellType, ...] | Mapping[str, object] | None = None,
    *,
    kwdefaults: Mapping[str, object] | None = None,
    qualname: str | None = None,
    module: object = KEEP,
    doc: object = KEEP,
    annotations: Mapping[str, object] | None = None,
    type_params: tuple[Any, ...] = (),
    attributes: Mapping[str, object] | None = None,
    verify: bool = True,
) -> FunctionType:
    """Return a function from a code object, as `types.FunctionType` makes one, with nothing missing.

    Args:
        code: a function's code object.
        globals: its global names; without `__builtins__` in them they get the standard ones, as `exec` does. A
            namespace of its own without the argument.
        name: the function's name; the code and the last part of the qualified name follow.
        defaults: a tuple, right-aligned, or a mapping by parameter name (keyword-only parameters included).
        closure: free variable -> value (a cell is shared, `EMPTY` is an empty cell, anything else becomes the
            contents of a fresh cell), or a tuple of cells in the order of the code.
        kwdefaults: defaults of keyword-only parameters.
        qualname, module, doc, annotations, type_params, attributes: what the function's attribute is to be.
        verify: whether the code is checked first, so that it cannot crash the interpreter. That of a generator
            expression takes any iterable then, and not just an iterator.

    Returns:
        The function, called as fast as one that the compiler made.

    Raises:
        TypeError: an argument has the wrong type; `code` is a module's or a class's code.
        ClosureMismatchError: the closure does not fit the code's free variables.
        FreeVariableError: the closure names what is no free variable.
        ValueError: more defaults than parameters, or defaults for what is no parameter.
        UnsafeCodeError: the code could crash the interpreter.

    >>> from recell import make_function
    >>> module = compile("def outer(step):\\n    return lambda n=1: n + step", "<text>", "exec")
    >>> outer = module.co_consts[0]
    >>> inner = next(const for const in outer.co_consts if hasattr(const, "co_code"))
    >>> add = make_function(inner, name="add", defaults=(1,), closure={"step": 10})
    >>> add(), add(5), add.__name__
    (11, 15, 'add')
    """
    check_code(code, "make_function")
    if globals is None:
        globals = {}
    check_globals(globals, "make_function")
    parts = Parts(
        name=name,
        qualname=qualname,
        module=module,
        doc=doc,
        annotations=KEEP if annotations is None else annotations,
        type_params=type_params,
        attributes=KEEP if attributes is None else attributes,
    )
    cells = closure_for(code, closure, (), code)
    kwdefaults = KEEP if kwdefaults is None else kwdefaults
    positional, keyword = merged_defaults(code, None, None, defaults, kwdefaults, code)
    if verify:
        code = verified(code)
    code = own_version(parts.named(code, getattr(code, "co_qualname", code.co_name)))
    if "__builtins__" not in globals:
        import builtins

        globals["__builtins__"] = builtins.__dict__
    new = build(code, globals, code.co_name, positional, cells, keyword)
    parts.put_on(new)
    return new


def verified(code: CodeType) -> CodeType:
    """Return the code, if it cannot crash the interpreter, whatever its function is called with."""
    from recell.verifier.verify import verify

    try:
        safe = with_iterator(code)
    except Exception:  # noqa: BLE001 - it is not even well-formed: that is for `verify` to say
        safe = code
    verify(safe)
    return safe
