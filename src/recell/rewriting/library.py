"""The `bytecode` library, imported on first need: code objects read into its three forms.

Its known faults are worked around in `assembling`, or refused here with the reason. The library is imported by this
package alone, because it costs more than the whole of recell.
"""

from __future__ import annotations

from recell import compat
from recell.errors import UnsupportedCodeError, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

__all__ = ["FORMS", "as_bytecode", "disassembled", "form_of", "in_form", "library", "unsupported"]

FORMS = ("Bytecode", "ControlFlowGraph", "ConcreteBytecode")


def library() -> Any:
    """Return the module `bytecode`."""
    import bytecode

    return bytecode


def unsupported(code: CodeType, reason: str) -> UnsupportedCodeError:
    """Return the error for a code object that cannot be rewritten."""
    msg = f"{code!r} cannot be rewritten: {reason}"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)


def disassembled(code: CodeType) -> Any:
    """Return a code object as a `bytecode.Bytecode`, with the handlers' depths that the compiler wrote.

    Raises UnsupportedCodeError where the library cannot read it.
    """
    bytecode, release = library(), compat.require("rewriting")
    try:
        if release.exception_table:
            return bytecode.Bytecode.from_code(code, conserve_exception_block_stackdepth=True)
        return bytecode.Bytecode.from_code(code)
    except Exception as error:
        shown = f"{type(error).__name__}: {error}".rstrip(": ")
        raise unsupported(code, f"the library `bytecode` cannot read it ({short(shown)})") from error


def as_bytecode(form: Any) -> Any:
    """Return any of the library's three forms as a `Bytecode`; None for anything else."""
    bytecode = library()
    if isinstance(form, bytecode.Bytecode):
        return form
    if isinstance(form, bytecode.ControlFlowGraph):
        return form.to_bytecode()
    if isinstance(form, bytecode.ConcreteBytecode):
        if compat.require("rewriting").exception_table:
            return form.to_bytecode(conserve_exception_block_stackdepth=True)
        return form.to_bytecode()
    return None


def in_form(form: str, items: Any, code: CodeType) -> Any:
    """Return a `Bytecode` in the form that an edit asks for."""
    bytecode = library()
    if form == "Bytecode":
        return items
    try:
        if form == "ControlFlowGraph":
            return bytecode.ControlFlowGraph.from_bytecode(items)
        return items.to_concrete_bytecode(compute_exception_stack_depths=False)
    except Exception as error:
        shown = f"{type(error).__name__}: {error}".rstrip(": ")
        reason = f"the library `bytecode` cannot show it as a {form} ({short(shown)})"
        raise unsupported(code, reason) from error


def form_of(edit: Callable[..., Any]) -> str:
    """Return the form that an edit asks for by the annotation of its first parameter: `Bytecode` without one."""
    import inspect

    try:
        parameters = _signature(edit).parameters
    except (TypeError, ValueError):  # C functions need not tell
        return "Bytecode"
    first: Any = next(iter(parameters.values()), None)
    if first is None or first.annotation is inspect.Parameter.empty:
        return "Bytecode"
    annotation = first.annotation
    name = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(name, type):
        name = name.__name__
    name = str(name).strip("'\"").rpartition(".")[2]
    return name if name in FORMS else "Bytecode"


def _signature(edit: Callable[..., Any]) -> Any:
    import inspect

    try:
        return inspect.signature(edit)
    except NameError:  # 3.14+ evaluates annotations, and one may be known to type checkers alone
        from importlib import import_module

        options: dict[str, Any] = {"annotation_format": import_module("annotationlib").Format.FORWARDREF}
        return inspect.signature(edit, **options)
