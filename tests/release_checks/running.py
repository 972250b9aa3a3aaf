"""Checks of the facts about code that runs."""

from __future__ import annotations

import dis
import opcode
import sys
import types
from functools import lru_cache
from typing import Any

from recell.verifier import kinds
from release_checks.base import WRITTEN, check, function_of, nested, programs, same
from release_checks.code_units import caches_of


@check("skipped_after_loop")
def skipped_after_loop(facts: Any) -> None:
    """A loop's end in compiled code, up to what takes the iterator where it stays."""
    code = compile("for x in y: z\n", "<text>", "exec")
    found = list(dis.get_instructions(code))
    loop = next(each for each in found if each.opname == "FOR_ITER")
    behind = [each.opname for each in found if each.offset >= loop.argval]
    same(tuple(behind[:LOOP_UNITS]), facts.skipped_after_loop)


LOOP_UNITS = 0 if "END_FOR" not in WRITTEN else 2 if sys.version_info[:2] == (3, 13) else 1


@check("checked_locals")
def checked_locals(facts: Any) -> None:
    same("LOAD_FAST_CHECK" not in WRITTEN, facts.checked_locals)


@check("handler_entries")
def handler_entries(facts: Any) -> None:
    same(1 if "PUSH_EXC_INFO" in WRITTEN else 6, len(facts.handler_entries.split()))
    names = {"exc"} if "PUSH_EXC_INFO" in WRITTEN else {"exc_tb", "exc_value", "exc_type"}
    assert names <= set(facts.handler_entries.split()), facts.handler_entries


@check("finally_calls")
def finally_calls(facts: Any) -> None:
    same("CALL_FINALLY" in WRITTEN, facts.finally_calls)


@check("generator_start")
def generator_start(facts: Any) -> None:
    names = [each.opname for each in dis.get_instructions(function_of("def f(): yield"))]
    wanted = {"GEN_START", "RETURN_GENERATOR"}.intersection(names)
    same("".join(wanted), facts.generator_start)


@check("compiler_names")
def compiler_names(facts: Any) -> None:
    wanted = {".0"}
    for text in ("def f[T](a=1, *, b=2): pass\n", "class C[T]: pass\n", "type X[T] = T\n"):
        if sys.version_info >= (3, 12):
            for code in nested(compile(text, "<text>", "exec")):
                names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars, *code.co_names}
                wanted |= {name for name in names if name.startswith(".") and "generic_base" not in name}
    wanted.discard(".format")  # it is compared with a number, which needs no kind
    same(wanted, set(facts.compiler_names))
    assert set(facts.compiler_names.values()) <= set(kinds.ACCEPTED) | set(kinds.BIT), facts.compiler_names
    expected = {".0": "iter", ".defaults": "tuple", ".kwdefaults": "dict", ".type_params": "tuple",
                "__conditional_annotations__": "set"}  # fmt: skip
    same({name: expected[name] for name in wanted}, dict(facts.compiler_names))


@check("scope_parameters")
def scope_parameters(facts: Any) -> None:
    same(("a", "b"), facts.scope_parameters(function_of("def f(a, b, *c): d = 1")))
    if sys.version_info >= (3, 12):
        scopes = [
            code
            for text in ("def f[T](a=1): pass\n", "def f[T](*, b=2): pass\n", "def f[T](a=1, *, b=2): pass\n")
            for code in nested(compile(text, "<text>", "exec"))
            if code.co_name == "<generic parameters of f>"
        ]
        same(
            [(".defaults",), (".kwdefaults",), (".defaults", ".kwdefaults")],
            [*map(facts.scope_parameters, scopes)],
        )


@check("locals_need_cells")
def locals_need_cells(facts: Any) -> None:
    """3.11's and 3.12's frames copy all cells into `f_locals`, unasked; 3.13's frame is looked at slot by slot."""
    same("MAKE_CELL" in WRITTEN and sys.version_info < (3, 13), facts.locals_need_cells)


@check("executors")
def executors(facts: Any) -> None:
    same(WRITTEN & {"ENTER_EXECUTOR", "TRACE_RECORD"}, facts.executors)


@lru_cache(maxsize=None)
def _counters() -> dict[str, set[int]]:
    """What fresh code holds in the first cache unit of its opcodes."""
    found: dict[str, set[int]] = {}
    for code in programs():
        raw = code._co_code_adaptive  # type: ignore[attr-defined]
        for each in dis.get_instructions(code):
            if caches_of(each.opname)[each.opname]:
                unit = each.offset + 2
                while raw[unit - 2] == opcode.opmap["EXTENDED_ARG"]:
                    unit += 2
                found.setdefault(each.opname, set()).add(int.from_bytes(raw[unit : unit + 2], "little"))
    return found


def _fresh() -> int:
    """What the counters start at."""
    values = set.union(*(_counters().get(name, set()) for name in ("LOAD_ATTR", "BINARY_OP", "LOAD_GLOBAL")))
    assert len(values) == 1, values
    return values.pop()


@check("fresh_counter")
def fresh_counter(facts: Any) -> None:
    same(_fresh() if "MAKE_CELL" in WRITTEN else 0, facts.fresh_counter)


@check("counting")
def counting(facts: Any) -> None:
    """Those opcodes start at the common number; jumps and RESUME count otherwise, or not at all."""
    names = {"LOAD_GLOBAL", "LOAD_ATTR", "CALL", "BINARY_OP", "STORE_ATTR", "COMPARE_OP", "STORE_SUBSCR",
             "UNPACK_SEQUENCE", "FOR_ITER", "TO_BOOL", "CONTAINS_OP"}  # fmt: skip
    used = names & {name for name in WRITTEN for units in caches_of(name).values() if units}
    same(used, facts.counting)
    if _fresh_wanted := used and _fresh():
        wrong = {name for name, values in _counters().items() if name in used and values != {_fresh_wanted}}
        assert not wrong, f"count otherwise: {sorted(wrong)}"


@check("specialised_caches")
def specialised_caches(facts: Any) -> None:
    same(sys.version_info[:2] == (3, 12), facts.specialised_caches)


def _hot() -> types.FunctionType:
    """A function that has run often enough to be specialised."""
    made = types.FunctionType(function_of("def f(a):\n for b in a:\n  b.real + 1\n return a[0]\n"), {})
    for _ in range(60):
        made([1, 2, 3])
    return made


@check("despecialise")
def despecialise(facts: Any) -> None:
    """Afterwards a function runs what its `co_code` shows, and still does the same."""
    if not hasattr(sys, "monitoring"):
        assert facts.despecialise is None
        return
    made = _hot()
    assert facts.despecialise(made.__code__) is True
    steps = {"RESUME", *(name for name, units in facts.caches.items() if units)}
    raw, shown = made.__code__._co_code_adaptive, made.__code__.co_code
    for each in dis.get_instructions(made.__code__):
        if each.opname in steps - {"RESUME"}:
            assert raw[each.offset] == shown[each.offset], each
    assert made([1, 2]) == 1
    tools = [sys.monitoring.get_tool(tool) for tool in range(6)]
    assert "recell" not in tools


@check("watched")
def watched(facts: Any) -> None:
    """Where a tool asked for the code's events, and only there."""
    made = _hot()
    assert facts.watched(made.__code__) is False
    if not hasattr(sys, "monitoring"):
        return
    sys.monitoring.use_tool_id(4, "checks")
    try:
        sys.monitoring.set_local_events(4, made.__code__, sys.monitoring.events.LINE)
        assert facts.watched(made.__code__) is True
        assert facts.watched(_hot().__code__) is False
        sys.monitoring.set_local_events(4, made.__code__, 0)
    finally:
        sys.monitoring.free_tool_id(4)
    assert facts.watched(made.__code__) is False


@check("quiet")
def quiet(facts: Any) -> None:
    """What raises nothing: moves on the stack, jumps, constants and the bookkeeping of handlers."""
    names = (
        "NOP EXTENDED_ARG POP_TOP LOAD_CONST STORE_FAST JUMP_FORWARD RETURN_VALUE RETURN_CONST POP_EXCEPT SWAP COPY "
        "PUSH_NULL PUSH_EXC_INFO JUMP_BACKWARD_NO_INTERRUPT LOAD_FAST_AND_CLEAR MAKE_CELL "
        "LOAD_FAST_BORROW POP_ITER NOT_TAKEN LOAD_COMMON_CONSTANT ROT_TWO ROT_THREE ROT_FOUR ROT_N DUP_TOP "
        "JUMP_ABSOLUTE BEGIN_FINALLY POP_BLOCK POP_FINALLY CALL_FINALLY END_FINALLY WITH_CLEANUP_START "
        "WITH_CLEANUP_FINISH"
    ).split()
    wanted = WRITTEN.intersection(names)
    version = sys.version_info[:2]
    if version < (3, 11):
        wanted |= WRITTEN & {"RERAISE", "END_ASYNC_FOR"}
    if version >= (3, 12):
        wanted.add("LOAD_FAST")
    else:
        wanted.discard("MAKE_CELL")
    if version == (3, 14):
        wanted.discard("LOAD_COMMON_CONSTANT")
    same(wanted, facts.quiet)


@check("ascending_lines")
def ascending_lines(facts: Any) -> None:
    same(sys.version_info >= (3, 13), facts.ascending_lines)


@check("resume_before_generator")
def resume_before_generator(facts: Any) -> None:
    found = -1
    for each in dis.get_instructions(function_of("g = (x for x in y)")):
        if each.opname == "RESUME":
            found = each.arg
        if each.opname == "RETURN_GENERATOR":
            break
    else:
        found = -1
    same(found, facts.resume_before_generator)


@check("loop_tail")
def loop_tail(facts: Any) -> None:
    """Where a generator takes its iterator first, its handler counts on it to the end."""
    code = function_of("g = (x for x in y)")
    names = [each.opname for each in dis.get_instructions(code)]
    tail = tuple(names[names.index("POP_ITER") :][:3]) if "POP_ITER" in names else ()
    same(tail if sys.version_info >= (3, 15) else (), facts.loop_tail)


@check("before_generator")
def before_generator(facts: Any) -> None:
    """What compilers put in front of RETURN_GENERATOR."""
    seen: set[str] = set()
    if "RETURN_GENERATOR" in WRITTEN:
        text = (
            "def f(a, b):\n  def g(): return a, b\n  yield from (x for x in b)\n  return (a for _ in b), (x for x in 'text')\n"
            "async def h(a):\n  yield [x async for x in a], (x async for x in a), lambda: a\n"
            "async def i():\n  yield (x async for x in h), (x async for x in (yield))\n"
        )
        for code in [*nested(compile(text, "<text>", "exec")), *programs()]:
            names = [each.opname for each in dis.get_instructions(code)]
            if "RETURN_GENERATOR" in names:
                seen |= set(names[: names.index("RETURN_GENERATOR")]) - {"EXTENDED_ARG"}
    missing = seen - facts.before_generator
    assert not missing, f"missing {sorted(missing)}"
    names = {"COPY_FREE_VARS", "MAKE_CELL"}
    if sys.version_info >= (3, 15):
        names |= {"RESUME", "LOAD_FAST", "LOAD_FAST_BORROW", "GET_ITER", "PUSH_NULL", "GET_AITER"}
    same(names if "RETURN_GENERATOR" in WRITTEN else set(), facts.before_generator)


@check("undisturbed")
def undisturbed(facts: Any) -> None:
    """Moves, constants, new objects and the compiler's own bookkeeping: nothing that calls, compares or looks up."""
    names = (
        "NOP LOAD_CONST LOAD_FAST LOAD_CLOSURE BUILD_LIST BUILD_MAP BUILD_SET BUILD_TUPLE EXTENDED_ARG SETUP_FINALLY "
        "GEN_START RESUME COPY_FREE_VARS MAKE_CELL RETURN_GENERATOR SWAP COPY PUSH_NULL CALL_INTRINSIC_1 "
        "CALL_INTRINSIC_2 SET_FUNCTION_ATTRIBUTE LOAD_FAST_LOAD_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST "
        "LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_SMALL_INT LOAD_COMMON_CONSTANT"
    ).split()
    wanted = WRITTEN.intersection(names)
    if "MAKE_CELL" in WRITTEN:
        wanted |= {"POP_TOP", "MAKE_FUNCTION"}
    if "CALL_INTRINSIC_1" in WRITTEN:
        wanted |= {"STORE_FAST", "STORE_DEREF", "LOAD_DEREF", "LOAD_BUILD_CLASS"}
    same(wanted, facts.undisturbed)


@check("asks_format")
def asks_format(facts: Any) -> None:
    """An annotation scope begins by comparing its argument."""
    found = -1
    if sys.version_info >= (3, 14):
        scope = nested(compile("def f(a: int): pass", "<text>", "exec"))[1]
        found = next(each.arg for each in dis.get_instructions(scope) if each.opname == "COMPARE_OP")
    same(found, facts.asks_format)


@check("delegating_yields")
def delegating_yields(facts: Any) -> None:
    code = function_of("async def f(): await x")
    arguments = {each.arg for each in dis.get_instructions(code) if each.opname == "YIELD_VALUE"}
    same(sys.version_info >= (3, 12) and arguments == {1}, facts.delegating_yields)


@check("stop_iteration_error")
def stop_iteration_error(facts: Any) -> None:
    found = [
        each.arg
        for each in dis.get_instructions(function_of("def f(): yield"))
        if each.opname == "CALL_INTRINSIC_1"
    ]
    same(found[0] if found else 0, facts.stop_iteration_error)
