"""What CPython's instructions take for granted of frames, functions and generators: programs that break it are refused.

None of them is run here. `fuzz_verifier` runs what `verify` accepts.
"""

from __future__ import annotations

from types import CellType

import pytest
from assembled import (
    INDEX,
    MANY,
    NULL,
    STAR,
    attributes,
    call,
    calling,
    cells,
    distance,
    loop,
    making,
    with_cells,
)
from assembling import NEW, RELEASE, assemble, at, has, patched, units
from verifying import RETURN, refused

from recell import verify
from recell.verifier.verify import verify_all

# -- cells and slots --------------------------------------------------------------------------------

CALLS = {"co_names": ("super",)}
SUPER = (("LOAD_GLOBAL", 1), *(call() if NEW else ()), "POP_TOP", *RETURN)


@cells
@pytest.mark.parametrize(
    "change",
    [
        (("LOAD_CONST", 1), ("STORE_FAST", 0)),
        (("DELETE_FAST", 0),),
        (("LOAD_CONST", 1), ("NOP", 0), ("STORE_FAST", 0)),
        (("LOAD_CONST", 1), ("LOAD_CONST", 1), ("STORE_FAST", 0), "POP_TOP"),
        (("BUILD_LIST", 0), ("STORE_FAST", 0)),
        (("LOAD_GLOBAL", 0), ("STORE_FAST", 0)),
    ],
)
def test_the_first_argument_keeps_its_cell(change):
    """`super()` takes it for one."""
    fields = {
        "co_varnames": ("self",),
        "co_argcount": 1,
        "co_cellvars": ("self",),
        "co_freevars": ("__class__",),
        **CALLS,
    }
    refused(with_cells(*change, *SUPER, **fields), "first argument's cell")


@cells
@pytest.mark.parametrize(
    "change",
    [
        ("DELETE_FAST", 1),
        ("DELETE_FAST", 1, "NOP"),
        *([("LOAD_FAST_AND_CLEAR", 1)] if has("LOAD_FAST_AND_CLEAR") else []),
        ("STORE_FAST", 1),
    ],
)
def test_free_variables_keep_their_cells(change):
    """Frames read them unasked."""
    push = (("LOAD_CONST", 1),) if change[0] == "STORE_FAST" else ()
    drop = ("POP_TOP",) if change[0] == "LOAD_FAST_AND_CLEAR" else ()
    fields = {"co_varnames": ("g",), "co_argcount": 1, "co_freevars": ("x",)}
    refused(
        with_cells(*push, change[:2], *drop, *calling(("LOAD_FAST", 0)), "RETURN_VALUE", **fields),
        "free variable `x`",
    )


@cells
@pytest.mark.parametrize("name", ["LOAD_DEREF", "DELETE_DEREF", "STORE_DEREF"])
@pytest.mark.parametrize("through", ["store", "argument"])
def test_only_a_cell_variables_slot_is_a_cell(name, through):
    """Whoever holds the frame writes into any other slot, whatever lies there."""
    first = (("LOAD_CONST", 1), ("STORE_FAST", 1)) if through == "store" else ()
    push = (("LOAD_CONST", 0),) if name == "STORE_DEREF" else ()
    fields = {"co_varnames": ("g", "c"), "co_argcount": 2, "co_consts": (None, CellType(1))}
    refused(
        assemble(*first, *calling(("LOAD_FAST", 0)), "POP_TOP", *push, (name, 1), *RETURN, **fields),
        "no cell here",
    )


@pytest.mark.skipif(not RELEASE.locals_need_cells, reason="frames look at the slot alone")
@pytest.mark.parametrize("name", ["LOAD_DEREF", "LOAD_CLOSURE", "DELETE_DEREF"])
def test_cells_are_made_before_their_uses_in_the_order_of_the_code(name):
    """`locals()` takes the slot for a cell only behind its MAKE_CELL."""
    use = (*STAR, (name, 0), *(("POP_TOP",) if name != "DELETE_DEREF" else ()), *RETURN)
    body = (("JUMP_FORWARD", distance(("LOAD_CONST", 1), *use)), ("LOAD_CONST", 1), *use, ("MAKE_CELL", 0))
    back = len(units(("LOAD_CONST", 1), *use, ("MAKE_CELL", 0))) // 2 + 1
    refused(assemble(*body, ("JUMP_BACKWARD", back), co_cellvars=("x",), **{**MANY, "co_flags": 0}))


@cells
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("reads", [True, False])
def test_free_variables_are_copied_first(count, reads):
    names = tuple("xyz"[:count])
    body = (("LOAD_DEREF", 0),) if reads else (("LOAD_CONST", 0),)
    verify(with_cells(*body, "RETURN_VALUE", co_freevars=names))
    refused(assemble(*body, "RETURN_VALUE", co_freevars=names, **MANY), "never copied")


@cells
def test_slots_count_where_names_repeat():
    """One name may be a cell variable's and a free variable's (gh-156664): each has its own slot."""
    fields = {"co_cellvars": ("x",), "co_freevars": ("x",), **MANY}
    opening = (("COPY_FREE_VARS", 1), ("MAKE_CELL", 0), ("RESUME", 0))
    verify(
        assemble(
            *opening, ("LOAD_DEREF", 0), ("LOAD_DEREF", 1), "POP_TOP", "RETURN_VALUE", opening=False, **fields
        )
    )
    twice = (("COPY_FREE_VARS", 1), ("MAKE_CELL", 0), ("MAKE_CELL", 1), ("RESUME", 0))
    verify(assemble(*twice, ("LOAD_DEREF", 1), "RETURN_VALUE", opening=False, **fields))
    local = {**fields, "co_varnames": ("y",), "co_nlocals": 1}
    wrong = (("COPY_FREE_VARS", 1), ("MAKE_CELL", 0), ("RESUME", 0))
    refused(assemble(*wrong, *RETURN, opening=False, **local), "no cell variable")


# -- functions under construction -------------------------------------------------------------------


def closing_code():
    inner = compile("def f(x):\n def g(a=1): return x\n", "x", "exec").co_consts[0].co_consts
    return next(value for value in inner if hasattr(value, "co_code"))


@attributes
@pytest.mark.parametrize(
    "between",
    [
        (*calling(("LOAD_FAST", 0)), "POP_TOP"),
        ("NOP",),
        (("LOAD_CONST", 0), "POP_TOP"),
        (("COPY", 1), "POP_TOP"),
        (("STORE_FAST", 2), ("LOAD_FAST", 2)),
        (("JUMP_FORWARD", 0),),
    ],
)
def test_a_function_gets_its_closure_before_anything_runs(between):
    """It can be found and called without."""
    fields = {"co_varnames": ("g",), "co_argcount": 1, "co_cellvars": ("x",), "co_consts": (None, closing_code()),
              "co_nlocals": 1}  # fmt: skip
    if between[0] == ("STORE_FAST", 2):
        fields.update(co_varnames=("g", "y", "z"), co_nlocals=3)
    cell = fields["co_nlocals"]
    made = (("LOAD_FAST", cell), ("BUILD_TUPLE", 1), ("LOAD_CONST", 1), "MAKE_FUNCTION", *between)
    refused(with_cells(*made, ("SET_FUNCTION_ATTRIBUTE", 8), "RETURN_VALUE", **fields), "lacks its closure")


@attributes
@pytest.mark.parametrize("flag", [1, 2])
def test_an_attribute_is_set_once(flag):
    value = ("BUILD_MAP", 0) if flag == 2 else ("LOAD_CONST", 4)
    setting = ("SET_FUNCTION_ATTRIBUTE", flag)
    body = (value, value, ("LOAD_CONST", 6), "MAKE_FUNCTION", setting, setting, "RETURN_VALUE")
    code = compile("def f(a=1): pass\n", "x", "exec").co_consts
    code = next(each for each in code if hasattr(each, "co_code"))
    refused(assemble(*body, co_consts=(*MANY["co_consts"], code)), "not new")


# -- what another reference changes -----------------------------------------------------------------

DUPLICATE = ("COPY", 1) if has("COPY") else "DUP_TOP"
generator = next(
    each for each in compile("def f(): yield 1\n", "x", "exec").co_consts if hasattr(each, "co_code")
)


@pytest.mark.parametrize("swap", [(), ("NOP",), (DUPLICATE, "POP_TOP")])
def test_a_generator_function_that_was_copied_may_be_any(swap):
    """Its `__code__` may be assigned through the other reference."""
    consts = (None, 1, "text", generator)
    made = (*making(3), *swap, DUPLICATE, ("STORE_FAST", 0))
    if has("CALL_FUNCTION"):
        called = (("CALL_FUNCTION", 0),)
    elif RELEASE.null_after_callable:
        called = ("PUSH_NULL", *call())
    else:
        called = ("PUSH_NULL", ("SWAP", 2), *call())
    refused(assemble(*made, *called, *NULL, *loop(), co_varnames=("f",), co_consts=consts, co_stacksize=20))


@pytest.mark.skipif(not has("CHECK_EG_MATCH"), reason="no exception groups")
@pytest.mark.parametrize(
    "value", [("LOAD_CONST", 1), ("LOAD_CONST", 3), ("BUILD_LIST", 0), ("LOAD_GLOBAL", 0)]
)
@pytest.mark.parametrize("where", ["copy", "handler"])
def test_a_list_of_exceptions_holds_nothing_else(value, where):
    """PREP_RERAISE_STAR takes its items for exceptions: through a copy, or on the way to a handler, others may come in."""
    star = ("PREP_RERAISE_STAR",) if has("PREP_RERAISE_STAR") else (("CALL_INTRINSIC_2", 1),)
    raising = (("LOAD_FAST", 0), ("RAISE_VARARGS", 1))
    if where == "copy":
        body = raising
        depth, start = 0, 1
        handler = (("BUILD_LIST", 0), ("COPY", 1), value, ("LIST_APPEND", 1), "POP_TOP", *star, *RETURN)
    else:
        body = (("BUILD_LIST", 0), value, ("LIST_APPEND", 1), *raising)
        depth, start = 1, 2
        handler = (("SWAP", 2), *star, *RETURN)
    behind = len(units(("RESUME", 0), *body)) // 2
    begin = len(units(("RESUME", 0))) // 2 + (start == 2)
    table = bytes((0x80 | begin, behind - begin, behind, depth << 1))
    fields = {"co_varnames": ("x",), "co_argcount": 1, "co_names": ("y",), "co_exceptiontable": table, **MANY}
    refused(assemble(*body, *handler, **fields), "cannot take")


@pytest.mark.skipif(not has("BUILD_TEMPLATE"), reason="no template strings")
@pytest.mark.parametrize(
    "parts",
    [
        (("LOAD_CONST", 5), ("LOAD_CONST", 4)),
        (("LOAD_CONST", 4), ("LOAD_CONST", 4)),
        (("LOAD_CONST", 5), ("LOAD_CONST", 5)),
        (("LOAD_CONST", 5), ("LOAD_CONST", 1), ("BUILD_TUPLE", 1)),
        (
            ("LOAD_CONST", 5),
            ("LOAD_CONST", 1),
            ("LOAD_CONST", 2),
            ("BUILD_INTERPOLATION", 2),
            ("LOAD_CONST", 1),
            ("BUILD_TUPLE", 2),
        ),
        (
            ("LOAD_CONST", 5),
            *(("LOAD_CONST", 1), ("LOAD_CONST", 2), ("BUILD_INTERPOLATION", 2)) * 2,
            ("BUILD_TUPLE", 2),
        ),
    ],
)
def test_a_template_is_made_of_strings_and_interpolations(parts):
    refused(assemble(*parts, "BUILD_TEMPLATE", "RETURN_VALUE", **MANY))


@pytest.mark.skipif(not has("MATCH_CLASS"), reason="no patterns")
@pytest.mark.parametrize("names", [4, 0, 1, 3])
def test_patterns_name_attributes_by_strings(names):
    body = (("LOAD_FAST", 0), ("LOAD_FAST", 0), ("LOAD_CONST", names), ("MATCH_CLASS", 0), "RETURN_VALUE")
    refused(assemble(*body, co_varnames=("x",), co_argcount=1, **MANY), "cannot take")


# -- handlers ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not NEW, reason="blocks say where")
@pytest.mark.parametrize(
    "quiet", ["NOP", ("LOAD_CONST", 0), ("JUMP_FORWARD", 0), ("STORE_FAST", 0), "POP_TOP", "JUMP_BACKWARD"]
)
def test_a_handler_finds_its_values_whatever_raises(quiet):
    """A trace function raises in front of any instruction, a signal at a jump back."""
    pushes = (("LOAD_CONST", 0),) * (1 if quiet in ("POP_TOP", ("STORE_FAST", 0)) else 0)
    if quiet == "JUMP_BACKWARD":
        quiet = ("JUMP_BACKWARD", len(units(("NOP", 0), ("JUMP_BACKWARD", 0))) // 2)
    body = (*pushes, "NOP", quiet, *RETURN, "POP_TOP", "POP_TOP", "POP_TOP", "POP_TOP", *RETURN)
    start = len(units(("RESUME", 0), *pushes, "NOP")) // 2
    behind = start + len(units(quiet)) // 2
    target = len(units(("RESUME", 0), *pushes, "NOP", quiet, *RETURN)) // 2
    table = bytes((0x80 | start, behind - start, target, 3 << 1))
    refused(assemble(*body, co_varnames=("x",), co_exceptiontable=table, **MANY), "its handler needs")


@pytest.mark.skipif(not NEW, reason="blocks say where")
@pytest.mark.parametrize("edge", ["first", "last"])
@pytest.mark.parametrize(
    ("depth", "pushed", "right"), [(0, 0, True), (0, 2, True), (1, 1, True), (1, 0, False)]
)
def test_a_region_may_begin_or_end_behind_an_extended_arg(edge, depth, pushed, right):
    """A tracer raises in front of it, the instruction behind it: the one handler or the other wants its values."""
    opening = (("RESUME", 0), *(("LOAD_CONST", 0),) * pushed)
    wide = ("LOAD_CONST", 300)
    body = (*opening, wide, *("POP_TOP",) * (pushed + 1), *RETURN)
    start = len(units(*opening)) // 2
    target = len(units(*body)) // 2
    first, behind = (start + 1, start + 2) if edge == "first" else (start, start + 1)
    table = bytes((0x80 | first, behind - first, target, depth << 1))
    fields = {"co_consts": (None,) * 301, "co_exceptiontable": table, "co_stacksize": 9}
    code = assemble(*body, *("POP_TOP",) * (depth + 1), *RETURN, opening=False, **fields)
    if right:
        verify(code)
    else:
        refused(code, "its handler needs")


@pytest.mark.skipif(not NEW, reason="blocks say where")
def test_no_jump_leads_behind_an_extended_arg():
    """Nor does one where a region begins there."""
    wide = ("LOAD_CONST", 300)
    jump = ("JUMP_FORWARD", 1)
    body = (("RESUME", 0), jump, wide, "POP_TOP", *RETURN)
    start = len(units(("RESUME", 0), jump)) // 2 + 1
    table = bytes((0x80 | start, 1, len(units(*body)) // 2, 0))
    fields = {"co_consts": (None,) * 301, "co_exceptiontable": table, "co_stacksize": 9}
    refused(assemble(*body, "POP_TOP", *RETURN, opening=False, **fields), "where no instruction starts")


@pytest.mark.skipif(not has("CLEANUP_THROW"), reason="no such opcode")
@pytest.mark.parametrize("before", [(), ("NOP",), (("LOAD_CONST", 0), "POP_TOP")])
def test_cleanup_is_reached_by_throw_alone(before):
    body = (
        *before,
        ("LOAD_FAST", 0),
        *NULL,
        ("LOAD_CONST", 0),
        ("LOAD_FAST", 0),
        "CLEANUP_THROW",
        "POP_TOP",
        "RETURN_VALUE",
    )
    refused(assemble(*body, co_varnames=("x",), co_argcount=1, **MANY))


@pytest.mark.skipif(not has("CLEANUP_THROW"), reason="no such opcode")
def test_the_end_of_an_asynchronous_loop_jumps_nowhere():
    """Its argument tells a monitor where the loop was: 3.15 says CLEANUP_THROW where a handler holds the loop."""
    text = (
        "async def f(self):\n try:\n  self.a = len(self.b)\n except TypeError:\n"
        "  c = [x async for x in self.d]\n  self.a = len(c) + self.e\n return self.a\n"
    )
    verify(compile(text, "x", "exec"))


# -- generators -------------------------------------------------------------------------------------


@cells
@pytest.mark.parametrize("flag", [0x20, 0x80, 0x200])
@pytest.mark.parametrize("body", [RETURN, (("LOAD_CONST", 1), "RETURN_VALUE"), ("NOP", *RETURN)])
def test_generators_flags_make_one(flag, body):
    """Its call is taken for an iterator. Code that passes its call on is the exception, for recell alone."""
    code = assemble(*body, co_flags=3 | flag, **MANY)
    refused(code, "makes none")
    verify_all(code, dispatcher=True)
    refused(assemble(*making(0), "RETURN_VALUE", co_consts=(code,)), "makes none")


@cells
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_generator_starts_with_nothing_on_its_stack(count):
    making_one = (*(("LOAD_CONST", 0),) * count, "RETURN_GENERATOR", "POP_TOP", *("POP_TOP",) * count)
    refused(assemble(*making_one, ("RESUME", 0), *RETURN, opening=False, co_flags=3 | 0x20, **MANY))


def delegating():
    text = "def f(x): yield from x\n"
    return next(each for each in compile(text, "x", "exec").co_consts if hasattr(each, "co_code"))


@pytest.mark.skipif(not has("SEND"), reason="one opcode does it all")
@pytest.mark.parametrize("argument", [0, 1, 2, 9, 255])
def test_send_stands_with_its_yield(argument):
    """`throw()`, `close()` and inlined calls find the yield, the resumption and the loop by count."""
    code = delegating()
    verify(code)
    refused(patched(code, at(code, "SEND") + 1, argument))


@pytest.mark.skipif(not has("SEND"), reason="one opcode does it all")
@pytest.mark.parametrize("jump", [3, 300, 70_000])
def test_send_jumps_no_further_than_compilers_do(jump):
    """Its jump is kept in 16 bits, or read from one byte."""
    get = ("GET_ITER", 3) if INDEX else "GET_YIELD_FROM_ITER"
    away = (*("NOP",) * jump, "END_SEND" if has("END_SEND") else "NOP", "RETURN_VALUE")
    body = (("LOAD_FAST", 0), get, ("LOAD_CONST", 0), ("SEND", jump), *away)
    refused(assemble(*body, co_varnames=("x",), co_argcount=1, **MANY))
