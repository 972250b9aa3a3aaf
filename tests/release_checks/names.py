"""Checks of the facts about names, constants and slots."""

from __future__ import annotations

import dis
import opcode
import sys
from typing import Any

from release_checks.base import WRITTEN, check, code_with, function_of, nested, real, same
from release_checks.code_units import caches_of


@check("const_opcodes")
def const_opcodes(facts: Any) -> None:
    same(real(dis.hasconst), facts.const_opcodes)


@check("name_shift")
def name_shift(facts: Any) -> None:
    """`dis` shows which name an argument means."""
    names = tuple(f"name{number}" for number in range(64))
    wanted = {}
    for name in real(dis.hasname):
        code = code_with((name, 40), caches=caches_of(name), co_names=names)
        shown = next(each for each in dis.get_instructions(code) if each.opname == name).argval
        shown = shown.split(" ")[-1] if isinstance(shown, str) else f"name{shown}"
        index = int(shown[4:])
        wanted[name] = next(shift for shift in range(4) if 40 >> shift == index)
    if sys.version_info[:2] == (3, 11):
        wanted["LOAD_GLOBAL"] = 1  # `dis` of 3.11 shows it in the text alone
    same(wanted, dict(facts.name_shift))


def _slots() -> set[str]:
    return real(dis.haslocal) | real(dis.hasfree)


@check("local_opcodes")
def local_opcodes(facts: Any) -> None:
    """3.14 moved LOAD_DEREF between dis's tables, so the names tell."""
    wanted = {name for name in _slots() if "FAST" in name and name.count("_FAST") == 1}
    same(wanted, facts.local_opcodes)


@check("local_pair_opcodes")
def local_pair_opcodes(facts: Any) -> None:
    same({name for name in _slots() if name.count("_FAST") == 2}, facts.local_pair_opcodes)


@check("deref_opcodes")
def deref_opcodes(facts: Any) -> None:
    same({name for name in _slots() if "FAST" not in name}, facts.deref_opcodes)


@check("class_deref")
def class_deref(facts: Any) -> None:
    text = "def f(free):\n  class C:\n    free\n  return C\n"
    body = nested(function_of(text))[1]
    named = (facts.class_deref, "free") in {(each.opname, each.argval) for each in dis.get_instructions(body)}
    assert named, f"{facts.class_deref} is not how a class body reads a free variable"


@check("closure_loads")
def closure_loads(facts: Any) -> None:
    loads = {name for name in _slots() if name.startswith("LOAD_FAST") and name not in _OTHER_LOADS}
    same({"LOAD_CLOSURE"} if "LOAD_CLOSURE" in WRITTEN else loads, facts.closure_loads)


_OTHER_LOADS = ("LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR")


@check("constant_loads")
def constant_loads(facts: Any) -> None:
    """Each is used by a text whose value is known."""
    seen = {}
    for text, value in (
        ("x = 'text'", "text"),
        ("x = 7", 7),
        ("assert x", AssertionError),
        ("x = None", None),
    ):
        for each in dis.get_instructions(compile(text, "<text>", "exec", optimize=0)):
            if each.opname not in ("LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"):
                continue
            if each.opname == "LOAD_CONST":
                seen[each.opname] = "co_consts"
            elif each.opname == "LOAD_SMALL_INT" and each.arg == value:
                seen[each.opname] = "argument"
            elif opcode._common_constants[each.arg] is value:
                seen[each.opname] = "opcode._common_constants"
    same(seen, dict(facts.constant_loads))


@check("global_null_bit")
def global_null_bit(facts: Any) -> None:
    called = function_of("def f(): return g()")
    load = next(each for each in dis.get_instructions(called) if each.opname == "LOAD_GLOBAL")
    same(bool(load.arg & 1), facts.global_null_bit)


@check("null_after_callable")
def null_after_callable(facts: Any) -> None:
    names = [each.opname for each in dis.get_instructions(function_of("def f(a): return a()"))]
    load = next(index for index, name in enumerate(names) if name.startswith("LOAD_FAST"))
    same("PUSH_NULL" in names[load:], facts.null_after_callable)
