"""Checks of the effects of instructions on the stack."""

from __future__ import annotations

import dis
import opcode
import sys
from typing import Any

from recell.compat._trusts import WORDS
from recell.verifier import kinds
from recell.verifier.opcodes import NUMBERS
from recell.verifier.verification import Machine, verify_one
from release_checks.base import WRITTEN, check, programs, real, same, used_instructions

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
