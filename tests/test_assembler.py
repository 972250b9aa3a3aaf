"""Relocated code: jumps, handlers and locations follow, and what does not follow is noticed."""

from __future__ import annotations

import dis
import random
import sys
from opcode import opmap
from types import CodeType, FunctionType

import corpus
import pytest
from assembling import assemble, no_lines, units, with_units
from programs import available, load, outcome
from sizes import SEED, pick

import recell
from recell import verify
from recell.code import assembler, tables
from recell.code.instructions import found, instruction, opcodes
from recell.code.instructions import jumps as all_jumps
from recell.code.instructions import padded as with_slack

NEW = sys.version_info >= (3, 11)
JUMPS = {*dis.hasjrel, *dis.hasjabs}


def starts(code: CodeType) -> list[int]:
    """The code units where an instruction, with its EXTENDED_ARGs, begins."""
    result = []
    fresh = True
    for each in dis.get_instructions(code):
        if each.opname == "CACHE":
            continue
        if fresh:
            result.append(each.offset // 2)
        fresh = each.opname != "EXTENDED_ARG"
    return result


def instructions(code: CodeType) -> list[tuple[object, ...]]:
    """What the code does, without padding and with jumps by what they lead to."""
    kept = [
        each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "CACHE", "NOP")
    ]
    index = {each.offset: position for position, each in enumerate(kept)}
    offsets = sorted(index)

    def at(offset: int) -> int:
        return index[next((known for known in offsets if known >= offset), offsets[-1])]

    found = []
    for position, each in enumerate(kept):
        if each.opcode in JUMPS:
            # what leads to an instruction may as well lead to the EXTENDED_ARGs or the padding before it
            argument = at(each.argval)
        else:
            argument = each.argval
        found.append((each.opname, argument, getattr(each, "positions", None)))
        index[each.offset] = position
    return found


def padded(code: CodeType, places: list[int], count: int) -> CodeType:
    nops = bytes((opcodes().nop, 0)) * count
    return assembler.apply(code, [(place, place, nops) for place in places])


@pytest.mark.parametrize("name", available())
def test_padding_changes_nothing(name: str) -> None:
    """NOPs before any read of a variable: the program does the same, jumps that outgrow their bytes included."""
    expected = outcome(load(name))
    for count in (1, 2, 300):
        func = load(name)
        code = func.__code__
        places = [place for place in starts(code) if reads_a_name(code, place)]
        if count == 300:
            places = sorted(random.Random(SEED).sample(places, min(4, len(places))))
        new = padded(code, places, count)
        assert instructions(new) == instructions(code)
        assert outcome(recell.replace(func, code=new)) == expected


def reads_a_name(code: CodeType, unit: int) -> bool:
    ops = code.co_code[::2]
    while ops[unit] == opcodes().extended_arg:
        unit += 1
    return dis.opname[ops[unit]] in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME", "LOAD_FAST")


def test_padding_the_library() -> None:
    """Every instruction of the standard library's code objects keeps its argument, target, handler and position."""
    rnd = random.Random(SEED)
    for code in corpus.sample(corpus.code_objects(), pick(120, 20_000)):
        places = starts(code)
        chosen = sorted(rnd.sample(places, min(len(places), 4)))
        new = padded(code, chosen, rnd.choice([1, 5, 200]))
        assert instructions(new) == instructions(code)
        assert new.co_consts is code.co_consts or new.co_consts == code.co_consts
        if NEW:
            assert len(list(dis._parse_exception_table(new))) == len(list(dis._parse_exception_table(code)))


def test_tables_that_do_not_move_stay_as_they_are() -> None:
    """Read and written again, the library's exception and location tables are byte for byte the same."""
    release = opcodes().release
    move = {"co_lnotab": tables.move_lnotab}.get(release.line_table, tables.move_lines)
    if release.exception_table:
        move = tables.move_locations
    count = 0
    for code in corpus.sample(corpus.code_objects(), pick(1000, 100_000, debug=400)):
        where = range(len(code.co_code) // 2 + 1)
        table = getattr(code, release.line_table)
        assert move(table, where) == table
        if release.exception_table:
            assert tables.move_exceptions(code.co_exceptiontable, where) == code.co_exceptiontable
            shifted = tables.shift_exceptions(code.co_exceptiontable, 70)
            assert tables.handlers(shifted) == [
                (start + 70, end + 70, target + 70, depth)
                for start, end, target, depth in tables.handlers(code.co_exceptiontable)
            ]
            assert tables.shift_exceptions(shifted, -70) == code.co_exceptiontable
        count += 1
    assert count >= pick(1000, 1000, debug=400)


@pytest.mark.skipif(not NEW, reason="the format came with 3.11")
def test_locations_of_what_is_taken_out_are_carried() -> None:
    """Where an instruction goes, the lines behind it stay; each form of entry, lines up and down."""

    # fmt: off
    def func(a, b):
        x = a.attribute_one + b.attribute_two; y = (  # noqa: E702
            a
            .something
        ); z = [each for each in b]  # noqa: E702
        for i in (
            x
        ): y = z; x = i; del z  # noqa: E701, E702
        return (
            x if a else
            y
        )

    # fmt: on
    code = func.__code__
    old = list(code.co_positions())
    for unit in range(len(old)):
        where = [each - (each > unit) for each in range(len(old) + 1)]
        table = tables.move_locations(code.co_linetable, where)
        short = code.replace(co_code=code.co_code[:-2], co_linetable=table, co_exceptiontable=b"")
        assert list(short.co_positions()) == [*old[:unit], *old[unit + 1 :]], unit


def test_a_difference_is_an_error() -> None:
    """An edit that would change more than itself is not made."""

    def func(n):
        while n:
            n -= 1
        return n

    code = func.__code__
    jumps = all_jumps(code.co_code[::2], code.co_code[1::2])
    target = next(target for _, at, _, target in jumps if target > at + 2)
    with pytest.raises(recell.UnsupportedCodeError) as caught:
        # takes away what a jump leads to, in the middle of the edit
        assembler.apply(code, [(target - 1, target + 1, b"")])
    first = min(other for _, other, _, place in jumps if place == target)
    assert caught.value.reason == f"the jump at offset {2 * first}"
    assert func(3) == 0


@pytest.mark.skipif(not NEW, reason="the format came with 3.11")
def test_a_position_that_would_change_is_an_error(monkeypatch) -> None:
    """The error says of which instruction."""

    def func(n):
        return [n]

    code = func.__code__
    where = code.co_code.index(opmap.get("LOAD_FAST_BORROW", opmap["LOAD_FAST"]))
    monkeypatch.setattr(assembler.tables, "move_locations", lambda table, where: no_lines(where[-1]))
    with pytest.raises(recell.UnsupportedCodeError) as caught:
        assembler.apply(code, [(where // 2, where // 2, bytes((opmap["NOP"], 0)))])
    assert caught.value.reason == "the instruction at offset 0 or its position"


def test_finding_instructions_agrees_with_dis() -> None:
    """The byte search finds every instruction of every opcode, with its whole argument."""
    for code in corpus.sample(corpus.code_objects(), pick(80, 5000)):
        raw = code.co_code
        seen = []
        for number in {*raw[::2]} - {opcodes().extended_arg, 0 if NEW else -1}:
            seen += [(at * 2, number, argument) for _, at, argument in found(raw[::2], raw[1::2], number)]
        expected = [
            (each.offset, each.opcode, each.arg or 0)
            for each in dis.get_instructions(code)
            if each.opname not in ("EXTENDED_ARG", "CACHE")
        ]
        arguments = {offset: raw[offset + 1] for offset, _, _ in seen}
        assert [
            (offset, number, argument if number >= dis.HAVE_ARGUMENT else 0)
            for offset, number, argument in sorted(seen)
        ] == [
            (offset, number, argument if number >= dis.HAVE_ARGUMENT else 0)
            for offset, number, argument in expected
        ]
        assert len(arguments) == len(expected)


def test_jump_targets_agree_with_dis() -> None:
    """The targets that relocation moves are those that `dis` shows."""
    for code in corpus.sample(corpus.code_objects(), pick(120, 20_000)):
        mine = {2 * target for _, _, _, target in all_jumps(code.co_code[::2], code.co_code[1::2])}
        theirs = {each.argval for each in dis.get_instructions(code) if each.opcode in JUMPS}
        # END_ASYNC_FOR (3.14+) names its loop for monitoring; older `dis` modules do not call it a jump
        assert theirs <= mine
        assert mine - theirs == set() or "END_ASYNC_FOR" in {
            each.opname for each in dis.get_instructions(code)
        }


def test_same_size_edits_leave_the_tables_alone() -> None:
    """An edit in place goes through `CodeType.replace` alone: the tables are the very objects."""

    def func():
        try:
            return len("abc")
        except ValueError:
            return None

    assert isinstance(func, FunctionType)
    new = recell.freeze(func, "len").__code__
    release = opcodes().release
    assert getattr(new, release.line_table) == getattr(func.__code__, release.line_table)
    if release.exception_table:
        assert new.co_exceptiontable == func.__code__.co_exceptiontable
    assert len(new.co_code) == len(func.__code__.co_code)


def test_numbers_of_a_location_table_come_back() -> None:
    """Six bits to a byte: what is written is read again, up to its last byte and no further."""
    for value in (
        *range(5000),
        *(1 << shift for shift in range(13, 40)),
        *((1 << shift) - 1 for shift in range(13, 40)),
    ):
        written = tables._write_varint(value)
        assert tables._varint(written + b"\x7f", 0) == (value, len(written))


@pytest.mark.parametrize("slack", range(6))
def test_padding_is_stepped_over(slack) -> None:
    """A narrower load in the place of a wider one, and no NOP that runs where the load itself can be longer."""
    load, start = instruction(opmap["LOAD_CONST"], 1), units(("RESUME", 0)) if NEW else b""
    filled = with_slack(load, len(load) // 2 + slack)
    assert len(filled) == len(load) + 2 * slack
    code = assemble("RETURN_VALUE", co_consts=(None, 5), opening=False)
    code = with_units(code, start + filled + units("RETURN_VALUE"))
    verify(code)
    assert FunctionType(code, {})() == 5
    assert slack != 1 or NEW or opmap["NOP"] not in filled[::2]
