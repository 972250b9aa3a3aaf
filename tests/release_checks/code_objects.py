"""Checks of the facts about code objects."""

from __future__ import annotations

import dis
import sys
import types
from typing import Any

from release_checks.base import TABLE, check, function_of, same


@check("version")
def version(facts: Any) -> None:
    same(sys.version_info[:2], facts.version)


@check("line_table")
def line_table(facts: Any) -> None:
    code = function_of("def f():\n  pass\n")
    fields = {"co_linetable", "co_lnotab"} if sys.version_info < (3, 10) else {"co_linetable"}
    assert facts.line_table in fields, facts.line_table
    assert code.replace(**{facts.line_table: getattr(code, facts.line_table)}) == code


@check("no_location")
def no_location(facts: Any) -> None:
    if not hasattr(types.CodeType, "co_positions"):
        return same(b"", facts.no_location)
    code = function_of("def f(): pass")
    bare = code.replace(co_linetable=facts.no_location * (len(code.co_code) // 2))
    assert len(facts.no_location) == 1
    assert set(bare.co_positions()) == {(None, None, None, None)}, "units keep their locations"
    same(len(code.co_code) // 2, len(list(bare.co_positions())))
    return None


@check("qualname_in_code")
def qualname_in_code(facts: Any) -> None:
    same(hasattr(types.CodeType, "co_qualname"), facts.qualname_in_code)


@check("docstring_flag")
def docstring_flag(facts: Any) -> None:
    text = 'def f():\n  "documented"\n'
    difference = function_of(text, optimize=0).co_flags ^ function_of("def f(): pass", optimize=0).co_flags
    same(difference, facts.docstring_flag)


@check("handlers_last")
def handlers_last(facts: Any) -> None:
    """The handler that an exception table names stands behind the code of the statement that follows."""
    code = compile("try: a\nexcept E: b\nc\n", "<text>", "exec")
    names = [step.argval for step in dis.get_instructions(code) if step.argval in ("b", "c")]
    tabled = hasattr(types.CodeType, "co_exceptiontable")  # 3.10 copies what follows, and has no such table
    same(tabled and names[0] == "c", facts.handlers_last)  # it may stand behind the handler once more


@check("exception_table")
def exception_table(facts: Any) -> None:
    same(hasattr(types.CodeType, "co_exceptiontable"), facts.exception_table)


@check("unified_locals")
def unified_locals(facts: Any) -> None:
    same("MAKE_CELL" in TABLE, facts.unified_locals)
