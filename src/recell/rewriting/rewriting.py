"""Edits applied to a code object, one after the other, and the result verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell import compat
from recell.errors import short
from recell.rewriting.assembling import assembled, check_disassembly
from recell.rewriting.library import FORMS, as_bytecode, disassembled, form_of, in_form
from recell.verifier.verify import verify_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    Edit = Callable[[Any], Any]

__all__ = ["check_edits", "rewritten"]


def check_edits(edits: Sequence[object], form: object, verb: str) -> list[tuple[Edit, str]]:
    """Return each edit with the form that it asks for. Raises TypeError."""
    if form is not None:
        name = form.__name__ if isinstance(form, type) else form
        if name not in FORMS:
            msg = f"{verb}: form= is one of {', '.join(map(repr, FORMS))}, not {short(form)}"
            raise TypeError(msg)
        form = name
    result: list[tuple[Edit, str]] = []
    for edit in edits:
        if not callable(edit):
            msg = f"{verb} takes edits: callables that get a `bytecode.Bytecode`, not {short(edit)}"
            raise TypeError(msg)
        result.append((edit, str(form) if form is not None else form_of(edit)))
    return result


def rewritten(code: CodeType, edits: Sequence[tuple[Edit, str]], *, checked: bool = True) -> CodeType:
    """Return the code with the edits made, verified.

    Args:
        code: the original.
        edits: each with the form that it asks for.
        checked: verify the result.

    Raises:
        UnsupportedCodeError: the library cannot read or write this code, or the edits changed what they may not.
        UnsafeCodeError: the result could crash the interpreter.
        TypeError: an edit returned something else than one of the three forms or None.
    """
    compat.require("rewriting")
    items = disassembled(code)
    known = check_disassembly(code, list.__iter__(items))
    kept = list(list.__iter__(items))  # ids stay theirs
    for edit, form in edits:
        given = in_form(form, items, code)
        result = edit(given)
        found = as_bytecode(given if result is None else result)
        if found is None:
            msg = (
                f"the edit {short(edit)} returned {short(result)}; it returns a Bytecode, ControlFlowGraph or "
                "ConcreteBytecode, or None when it edited the one it was given"
            )
            raise TypeError(msg)
        items = found
    new = assembled(items, code, known)
    del kept
    if checked:
        verify_changed(new, code)
    return new
