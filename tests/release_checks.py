"""One check for each field of `Release`: what the running interpreter, its `opcode` and its `dis` say of it.

`failures(facts)` answers the fields that are wrong, with the reason. A check names nothing but its own field's answer,
so that a newcomer who adds a release reads what to correct. What could end the interpreter runs in a child process.
"""

from __future__ import annotations

import dis
import opcode
import subprocess
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import recell
from recell.compat._trusts import WORDS
from recell.verifier import kinds
from recell.verifier.opcodes import NUMBERS
from recell.verifier.verification import Machine, verify_one

HEADROOM = 256  # pseudo-instructions of the compiler are numbered from here
CHECKS: dict[str, Callable[[Any], None]] = {}
SPECIALISED = set(getattr(opcode, "_specialized_opmap", {}))
TABLE = {
    name: number for name, number in opcode.opmap.items() if number < HEADROOM and name not in SPECIALISED
}
WRITTEN = {name for name in TABLE if not name.startswith("INSTRUMENTED_")}
"""The opcodes that a code object may hold without having run."""


def check(*fields: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
        for field in fields:
            CHECKS[field] = function
        return function

    return register


def failures(facts: Any) -> dict[str, str]:
    """`{field: reason}` of the checks that fail."""
    found = {}
    for field in type(facts)._fields:
        try:
            CHECKS[field](facts)
        except Exception as error:  # noqa: BLE001 - a wrong fact may lead to any
            found[field] = f"{type(error).__name__}: {error}"
    return found


def real(numbers: Any) -> set[str]:
    """The names of those opcodes that stand in code objects."""
    return {dis.opname[number] for number in numbers} & WRITTEN


def same(wanted: Any, stated: Any) -> None:
    """Fail with the difference of two sets or mappings, or with both values."""
    if isinstance(wanted, (set, frozenset)):
        assert wanted == stated, f"missing {sorted(wanted - stated)}, wrong {sorted(stated - wanted)}"
    elif isinstance(wanted, dict):
        different = {
            key: f"{stated.get(key)!r}, not {wanted.get(key)!r}"
            for key in {*wanted, *stated}
            if stated.get(key) != wanted.get(key)
        }
        assert not different, different
    else:
        assert wanted == stated, f"is {stated!r}, the interpreter says {wanted!r}"


def function_of(text: str, **options: Any) -> types.CodeType:
    """The first function in a text."""
    constants = compile(text, "<text>", "exec", **options).co_consts
    return next(value for value in constants if isinstance(value, types.CodeType))


def nested(code: types.CodeType) -> list[types.CodeType]:
    found = [code]
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            found += nested(value)
    return found


_programs: list[types.CodeType] = []


def programs() -> list[types.CodeType]:
    """Code of all kinds: some modules of the standard library and all that a hand-written one holds."""
    if not _programs:
        import argparse
        import asyncio.tasks
        import contextlib

        for module in (argparse, asyncio.tasks, contextlib, dis):
            text = Path(module.__file__).read_text(encoding="utf-8")
            _programs.extend(nested(compile(text, module.__file__, "exec")))
    return _programs


@lru_cache(maxsize=None)
def used_instructions() -> set[tuple[str, int]]:
    """Opcodes and arguments in `programs()`."""
    return {(each.opname, each.arg or 0) for code in programs() for each in dis.get_instructions(code)}


def code_with(*units: tuple[str, int], caches: Any, **fields: Any) -> types.CodeType:
    """A code object of these units that is only looked at."""
    raw = bytearray()
    for name, argument in units:
        for shift in (24, 16, 8):
            if argument >> shift:
                raw += bytes((opcode.opmap["EXTENDED_ARG"], argument >> shift & 255))
        raw += bytes((opcode.opmap[name], argument & 255)) + bytes(2 * caches.get(name, 0))
    template = function_of("def f(): pass")
    return template.replace(co_code=bytes(raw), **fields)


def loading(function: Any, name: str) -> str:
    """The text that loads a function of a file of facts, wherever that stands."""
    return (
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('recell.compat.loaded', {function.__code__.co_filename!r})\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
        f"{name} = module.{function.__qualname__}\n"
    )


def in_child(script: str) -> None:
    """Run in a child process: a wrong fact may end it."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(Path(recell.__file__).parent.parent)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-400:]}"


# -- code objects -----------------------------------------------------------------------------------


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


# -- code units -------------------------------------------------------------------------------------


@check("jump_unit")
def jump_unit(facts: Any) -> None:
    """A jump's argument times the unit is the distance in bytes."""
    name = "JUMP_FORWARD"
    code = code_with((name, 4), *[("NOP", 0)] * 6, caches={})
    target = next(iter(dis.get_instructions(code))).argval
    same((target - 2) // 4, facts.jump_unit)


@check("padded_arguments")
def padded_arguments(facts: Any) -> None:
    """Only a debug build tells: a release build ignores the padding."""
    if hasattr(sys, "gettotalrefcount") and facts.padded_arguments:
        unit = opcode.opmap["EXTENDED_ARG"]
        in_child(
            "def f(): return 1\n"
            f"code = f.__code__\nf.__code__ = code.replace(co_code=code.co_code[:-2] + bytes(({unit}, 0)) + "
            "code.co_code[-2:], **({'co_linetable': code.co_linetable + b'\\xf8'} if "
            "hasattr(code, 'co_exceptiontable') else {}))\nassert f() == 1\n"
        )
    same(not hasattr(types.CodeType, "co_exceptiontable"), facts.padded_arguments)


@check("caches")
def caches(facts: Any) -> None:
    table = getattr(opcode, "_inline_cache_entries", {})
    if isinstance(table, (list, tuple)):  # by number on 3.11 and 3.12
        table = {dis.opname[number]: units for number, units in enumerate(table)}
    same({name: units for name, units in table.items() if units and name in WRITTEN}, dict(facts.caches))


@check("relative_jumps")
def relative_jumps(facts: Any) -> None:
    same(real(dis.hasjrel), facts.relative_jumps)


@check("absolute_jumps")
def absolute_jumps(facts: Any) -> None:
    same(real(dis.hasjabs), facts.absolute_jumps)


@check("backward_jumps")
def backward_jumps(facts: Any) -> None:
    """`dis` shows which way each jump goes."""
    backward = set()
    for name in real(dis.hasjrel):
        code = code_with(*[("NOP", 0)] * 8, (name, 4), *[("NOP", 0)] * 8, caches=caches_of(name))
        jump = next(each for each in dis.get_instructions(code) if each.opname == name)
        if jump.argval < jump.offset:
            backward.add(name)
    same(backward, facts.backward_jumps)


def caches_of(name: str) -> dict[str, int]:
    """The interpreter's own count of cache units, so that each fact is checked by itself."""
    table = getattr(opcode, "_inline_cache_entries", {})
    if isinstance(table, (list, tuple)):
        return {name: table[opcode.opmap[name]]}
    return {name: table.get(name, 0)}


# -- names, constants and slots ---------------------------------------------------------------------


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


# -- effects on the stack ---------------------------------------------------------------------------

# where a move is more than its text: the walk's action adds the rest, steps over the loop's end, or ends the code
ADDED = {"copy": 1, "duplicate": 2, "attribute": -1}
BY_ITSELF = {"PRECALL", "CALL", "RETURN_GENERATOR", "RETURN_VALUE", "BEGIN_FINALLY", "POP_FINALLY", "END_FINALLY",
             "WITH_CLEANUP_START", "WITH_CLEANUP_FINISH"}  # fmt: skip


def _text(effect: Any, argument: int) -> str | None:
    return effect.format(arg=argument, below=argument - 1) if isinstance(effect, str) else effect(argument)


def depth_changes(facts: Any, name: str, effect: Any, jump: bool) -> None:
    """Compare the depth with `opcode.stack_effect` for small arguments."""
    number = opcode.opmap[name]
    low, high = facts.argument_ranges.get(name, (0, 12))
    for argument in range(low, min(high, low + 12) + 1):
        text = _text(effect, argument)
        if text is None:
            continue
        change = kinds.parse(text)[5] + ADDED.get(facts.actions.get(name, ""), 0)
        if name == "FOR_ITER" and jump:
            change += LOOP_END
        given = argument if number >= opcode.HAVE_ARGUMENT else None
        expected = opcode.stack_effect(number, given, jump=jump)
        assert change == expected, (
            f"{name} {argument}: {text!r} changes the depth by {change}, not {expected}"
        )


LOOP_END = 1 if "POP_ITER" in WRITTEN else 2 if "END_FOR" in WRITTEN else 0
"""So many values FOR_ITER's jump leaves to what it steps over."""


NEVER = {"CACHE", "RESERVED", "INTERPRETER_EXIT", "ENTER_EXECUTOR", "EXIT_INIT_CHECK", "TRACE_RECORD"}


@check("effects")
def effects(facts: Any) -> None:
    emitted = WRITTEN - NEVER
    assert emitted <= set(facts.effects), f"missing {sorted(emitted - set(facts.effects))}"
    unknown = set(facts.effects) - WRITTEN
    assert not unknown, f"no opcodes of this interpreter: {sorted(unknown)}"
    for name, effect in facts.effects.items():
        if name not in BY_ITSELF and not (name in facts.block_opcodes and name != "SETUP_WITH"):
            depth_changes(facts, name, effect, False)
    for name in ("CALL", "PRECALL"):
        if name in facts.effects:
            change = kinds.parse(_text(facts.effects[name], 3))[5]
            assert change == (-4 if name == "CALL" else 0), f"{name} 3 changes the depth by {change}"
    machine = Machine(facts)
    for code in programs():
        verify_one(code, machine, trusted=True)


# the words of a row that its effect on the stack must name too
OPERANDS = {
    "iterator": {"iter", "iterated", "sender", "value"},
    "code": {"code"},
    "bool": {"bool"},
    "list": {"list", "excs"},
    "dict": {"dict", "dict_or_null"},
    "names": {"names"},
    "strings": {"names"},
    "lasti": {"lasti", "drop"},
    "exceptions": {"excs"},
    "exception": {"exc", "prev", "exc_or_none", "exc_type", "prev_type"},
    "self": {"maybe_null", "called_or_null"},
    "null": {"null"},
}


@check("trusts")
def trusts(facts: Any) -> None:
    """Every opcode has a row of known words, which says the same as the fields that it shares facts with."""
    same(set(facts.effects), set(facts.trusts))
    rows = {name: set(row.split()) for name, row in facts.trusts.items()}
    unknown = set().union(*rows.values()) - set(WORDS)
    assert not unknown, f"no words of the table: {sorted(unknown)}"
    having = {word: {name for name, row in rows.items() if word in row} for word in WORDS}
    blocks = facts.block_opcodes & (real(dis.hasjrel) | real(dis.hasjabs))
    same(facts.const_opcodes, having["constant"])
    same(set(facts.name_shift), having["name"])
    same(set(facts.local_opcodes | facts.local_pair_opcodes | facts.deref_opcodes), having["slot"])
    same(set(facts.relative_jumps | facts.absolute_jumps | blocks), having["target"])
    same({name for name, action in facts.actions.items() if action == "deref"}, having["cell"])
    same({name for name, action in facts.actions.items() if action == "hand_on"}, having["lent"])
    assert not {name for name in having["nothing"] if rows[name] != {"nothing"}}
    for word, kinds_of in OPERANDS.items():
        for name in having[word] - facts.block_opcodes - {"KW_NAMES", "SET_FUNCTION_ATTRIBUTE"}:
            texts = (_text(facts.effects[name], argument) for argument in (*range(16), 257))
            left = {
                item.partition("*")[0] for text in texts if text for item in text.partition("--")[0].split()
            }
            assert left & kinds_of, f"{name} says {word!r}, its effect takes {sorted(left)}"


@check("jump_effects")
def jump_effects(facts: Any) -> None:
    jumps = real(dis.hasjrel) | real(dis.hasjabs)
    wanted = jumps - facts.block_opcodes - {"END_ASYNC_FOR"}
    same(wanted, set(facts.jump_effects))
    for name, effect in facts.jump_effects.items():
        depth_changes(facts, name, effect, True)
    looked_at = {name: facts.effects[name].partition("--")[0] for name in wanted}
    same(looked_at, {name: effect.partition("--")[0] for name, effect in facts.jump_effects.items()})


@check("unemitted")
def unemitted(facts: Any) -> None:
    same(WRITTEN & NEVER, facts.unemitted)
    used = {name for name, _ in used_instructions()}
    assert not used & facts.unemitted, f"compilers emit {sorted(used & facts.unemitted)}"


@check("ends")
def ends(facts: Any) -> None:
    names = ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_ABSOLUTE",
             "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")  # fmt: skip
    same(WRITTEN.intersection(names), facts.ends)


@check("argument_ranges")
def argument_ranges(facts: Any) -> None:
    """The interpreter's tables, what the effects count with, and what compilers use."""
    same(_ranges(facts), dict(facts.argument_ranges))
    for name, argument in used_instructions():
        low, high = facts.argument_ranges.get(name, (0, 1 << 32))
        assert low <= argument <= high, f"{name} is used with {argument}"


def _ranges(facts: Any) -> dict[str, tuple[int, int]]:
    version, many = sys.version_info[:2], 1 << 30
    sizes = {
        "BINARY_OP": len(getattr(opcode, "_nb_ops", ())),
        "LOAD_COMMON_CONSTANT": len(getattr(opcode, "_common_constants", ())),
        "LOAD_SPECIAL": len(getattr(opcode, "_special_method_names", ())),
        "CONTAINS_OP": 2,
        "IS_OP": 2,
        "RAISE_VARARGS": 3,
        "LOAD_SMALL_INT": 256,
        "FORMAT_VALUE": 8,
        "POP_FINALLY": 2,
        "GEN_START": 3,
    }
    if version < (3, 12):  # the comparison is an index
        sizes["COMPARE_OP"] = 11 if version == (3, 8) else len(opcode.cmp_op)
    if version < (3, 13):
        sizes["MAKE_FUNCTION"] = 16
    if version < (3, 14):
        sizes["CALL_FUNCTION_EX"] = 2
    if version < (3, 11):
        sizes.update(END_ASYNC_FOR=1, RERAISE=2 if version == (3, 10) else 0)
    else:
        sizes.update(
            RERAISE=3, GET_AWAITABLE=3, RESUME=4 if version < (3, 13) else 8 if version < (3, 15) else 16
        )
    if version >= (3, 15):
        sizes["GET_ITER"] = 4
    ranges = {name: (0, size - 1) for name, size in sizes.items() if size and name in WRITTEN}
    if version >= (3, 12):
        ranges["YIELD_VALUE"] = (0, many if version == (3, 12) else 1)  # it was the depth of the stack
    least = {
        name: 1 for name, effect in facts.effects.items() if isinstance(effect, str) and "{below}" in effect
    }
    least.update(ROT_N=1, SWAP=2, BUILD_TUPLE_UNPACK_WITH_CALL=1, BUILD_MAP_UNPACK_WITH_CALL=1)
    if version >= (3, 14):
        least["BUILD_TUPLE"] = 1  # the empty tuple is immortal, and would be released as if it were not
    ranges.update({name: (low, many) for name, low in least.items() if name in WRITTEN})
    ranges.update(
        {name: span for name, span in (("BUILD_SLICE", (2, 3)), ("CONVERT_VALUE", (1, 3))) if name in WRITTEN}
    )
    return ranges


@check("actions")
def actions(facts: Any) -> None:
    """Every opcode whose work goes beyond its text has an action, and the verifier tells what is unsafe without it."""
    unknown = set(facts.actions.values()) - set(NUMBERS)
    assert not unknown, f"no actions of the verifier: {sorted(unknown)}"
    same(ACTIONS, dict(facts.actions))


def _actions() -> dict[str, str]:
    """What the names say."""
    by_name = {
        "LOAD_FAST_BORROW": "borrow", "BUILD_TUPLE": "tuple", "BUILD_CONST_KEY_MAP": "keys", "CALL": "call",
        "PRECALL": "precall", "CALL_FUNCTION": "call", "COPY": "copy", "DUP_TOP": "copy", "DUP_TOP_TWO": "duplicate",
        "SWAP": "swap", "ROT_TWO": "rotate", "ROT_THREE": "rotate", "ROT_FOUR": "rotate", "ROT_N": "rotate",
        "MAKE_FUNCTION": "function", "SET_FUNCTION_ATTRIBUTE": "attribute", "CALL_KW": "keywords",
        "CALL_FUNCTION_KW": "keywords",
    }  # fmt: skip
    if "MAKE_CELL" in WRITTEN:  # cells are locals, and generators make themselves
        by_name.update({
            "LOAD_FAST_AND_CLEAR": "clear", "LOAD_FAST_CHECK": "check", "STORE_FAST": "store", "DELETE_FAST": "delete",
            "LOAD_DEREF": "deref", "STORE_DEREF": "deref", "DELETE_DEREF": "deref", "LOAD_CLASSDEREF": "deref",
            "LOAD_FROM_DICT_OR_DEREF": "deref", "LOAD_CLOSURE": "load_cell", "MAKE_CELL": "make_cell",
            "COPY_FREE_VARS": "free_vars", "RETURN_GENERATOR": "generator", "YIELD_VALUE": "yield_value",
            "KW_NAMES": "call_names", "LIST_APPEND": "append", "LIST_EXTEND": "append",
            "CALL_INTRINSIC_1": "intrinsic",
        })  # fmt: skip
    if "LOAD_FAST_CHECK" in WRITTEN:
        by_name["LOAD_FAST"] = "load"
    if "LOAD_FAST_BORROW" in WRITTEN:
        handing = [
            "LOAD_ATTR",
            "LOAD_SUPER_ATTR",
            "LOAD_SPECIAL",
            "END_SEND",
            "FORMAT_SIMPLE",
            "GET_YIELD_FROM_ITER",
        ]
        if sys.version_info >= (3, 15):  # it leaves what has an index as it is
            handing.append("GET_ITER")
        by_name.update({**dict.fromkeys(handing, "hand_on"), "BUILD_TEMPLATE": "template"})
    if "SET_FUNCTION_ATTRIBUTE" in WRITTEN:
        by_name.update(MAKE_FUNCTION="bare_function", COMPARE_OP="compare")
    return {name: action for name, action in by_name.items() if name in WRITTEN}


ACTIONS = _actions()


@check("block_opcodes")
def block_opcodes(facts: Any) -> None:
    wanted = {"SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH", "POP_BLOCK", "POP_EXCEPT", "CALL_FINALLY",
              "POP_FINALLY", "END_FINALLY", "END_ASYNC_FOR", "WITH_CLEANUP_START", "WITH_CLEANUP_FINISH",
              "RERAISE"} & WRITTEN  # fmt: skip
    same(wanted if "SETUP_FINALLY" in WRITTEN else set(), facts.block_opcodes)


# -- running ----------------------------------------------------------------------------------------


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


# -- functions and the exchange ---------------------------------------------------------------------


@check("function_factory")
def function_factory(facts: Any) -> None:
    same("SET_FUNCTION_ATTRIBUTE" in WRITTEN, facts.function_factory is not None)
    if facts.function_factory is not None:
        in_child(
            "import sys, types\nsys.path.insert(0, sys.argv[1])\n"
            + loading(facts.function_factory, "factory")
            + "def make(x):\n  def func(a=0, *, b=0): return x, a, b\n  return func\n"
            "func = make(1)\n"
            "values = (5,), {'b': 6}, ('a', int), func.__closure__, None\n"
            "new = types.FunctionType(factory(11), globals())(func.__code__, *values)\n"
            "assert new() == (1, 5, 6), new()\n"
        )


@check("frozen_at_start")
def frozen_at_start(facts: Any) -> None:
    script = "import gc; raise SystemExit(gc.get_freeze_count() > 0)"
    frozen = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=False).returncode
    same(bool(frozen), facts.frozen_at_start > 0)


@check("prepare", "exchange")
def exchange(facts: Any) -> None:
    """Code and closure at once, while a thread calls the function."""
    in_child(
        "import sys, threading\nsys.path.insert(0, sys.argv[1])\n"
        + loading(facts.prepare, "prepare")
        + loading(facts.exchange, "exchange")
        + _EXCHANGE
    )


_EXCHANGE = (
    f"""
SEEN_BY_HOOKS = {"MAKE_CELL" in WRITTEN}  # before, an audit hook may see a mixture: a stated limit
"""
    + """
import ctypes
set_closure = ctypes.pythonapi.PyFunction_SetClosure
set_closure.argtypes = ctypes.py_object, ctypes.py_object
def one(a):
    def func(): return a
    return func
def two(a, b, c):
    def func(): return a, b, c
    return func
func, other = one(1), two(1, 2, 3)
states = [(each.__code__, each.__closure__, None, None) for each in (func, other)]
going, wrong = True, []
def go(before, after):
    exchange(func, before, after, set_closure, prepare(func, before, after, set_closure, None, {}))
def call():
    while going:
        value = func()
        if value not in (1, (1, 2, 3)): wrong.append(value)
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=call) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(3000):
    go(states[0], states[1])
    assert func() == (1, 2, 3)
    go(states[1], states[0])
    assert func() == 1
going = False
for thread in threads: thread.join()
if SEEN_BY_HOOKS:
    def hook(event, arguments):
        if event == "object.__setattr__" and arguments[0] is func:
            value = func()
            if value not in (1, (1, 2, 3)): wrong.append(value)
    sys.addaudithook(hook)
    for _ in range(100):
        go(states[0], states[1])
        go(states[1], states[0])
assert not wrong, wrong[:3]
"""
)
