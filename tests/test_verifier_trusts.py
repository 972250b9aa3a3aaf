"""What CPython's instructions take for granted: for each kind, programs that would end the interpreter are refused.

None of them is run here. `fuzz_verifier` runs what `verify` accepts.
"""

from __future__ import annotations

import pytest
from assembled import (
    ENDING,
    INDEX,
    MANY,
    NULL,
    STAR,
    borrowing,
    call,
    calling,
    cells,
    distance,
    loop,
    making,
    with_cells,
)
from assembling import NEW, RELEASE, assemble, at, has, units
from verifying import RETURN, refused

from recell import verify
from recell.verifier.verify import verify_all

# -- iterators --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pushed",
    [
        (("LOAD_FAST", 0), ("GET_AWAITABLE", 0), *NULL),
        (("LOAD_FAST", 0), *NULL),
        (("LOAD_FAST", 0), "GET_AITER", *NULL),
        (("LOAD_FAST", 0), "GET_ANEXT", *NULL),
        (("LOAD_CONST", 1), *NULL),
        (("BUILD_LIST", 0), *NULL),
        *([(("LOAD_FAST", 0), "GET_YIELD_FROM_ITER")] if has("GET_YIELD_FROM_ITER") else []),
        *([(("LOAD_FAST", 0), ("GET_ITER", 0), ("SWAP", 3))] if INDEX else []),
        *([(("LOAD_FAST", 0), ("GET_ITER", 0), "POP_TOP", "PUSH_NULL")] if INDEX else []),
        *([(("LOAD_FAST", 0), ("GET_ITER", 0), ("COPY", 2), "PUSH_NULL")] if INDEX else []),
        *([(("LOAD_FAST", 0), ("GET_ITER", 0), ("LOAD_FAST", 0), ("SWAP", 3), "POP_TOP")] if INDEX else []),
    ],
)
def test_a_loop_takes_what_get_iter_left(pushed):
    """FOR_ITER calls `tp_iternext` without looking; coroutines and awaitables have none."""
    refused(assemble(*pushed, *loop(), co_varnames=("x",), co_argcount=1, **MANY))


def test_a_loop_over_what_get_iter_left_is_right():
    verify(assemble(("LOAD_FAST", 0), ("GET_ITER", 0), *loop(), co_varnames=("x",), co_argcount=1, **MANY))


@pytest.mark.skipif(not has("END_FOR"), reason="no opcode stands there")
@pytest.mark.parametrize("prefix", [256, 1 << 16, 1 << 24])
def test_a_loop_ends_at_a_code_unit(prefix):
    """It steps over one, so that an EXTENDED_ARG in front of END_FOR lets END_FOR run."""
    ending = (("END_FOR", prefix), *ENDING[1:])
    code = assemble(
        ("LOAD_FAST", 0), ("GET_ITER", 0), *loop(ending=ending), co_varnames=("x",), co_argcount=1, **MANY
    )
    refused(code)


@pytest.mark.skipif(not INDEX, reason="an iterator takes one place")
@pytest.mark.parametrize(
    "parting",
    [
        (("LOAD_FAST", 1), ("SWAP", 3), "POP_TOP"),
        (("LOAD_FAST", 1), ("GET_ITER", 0), ("SWAP", 4), "POP_TOP", "POP_TOP"),
        (("SWAP", 2),),
        (("COPY", 1),),
        ("POP_TOP", ("LOAD_FAST", 1), ("GET_ITER", 0), ("SWAP", 2), "POP_TOP"),
    ],
)
@pytest.mark.parametrize("then", ["loop", "send"])
def test_an_index_belongs_to_its_value(parting, then):
    """What it indexes is not looked at again."""
    tail = loop() if then == "loop" else (("LOAD_CONST", 0), ("SEND", 1), "END_SEND", "RETURN_VALUE")
    fields = {"co_varnames": ("x", "y"), "co_argcount": 2, **MANY}
    refused(assemble(("LOAD_FAST", 0), ("GET_ITER", 0), *parting, *tail, **fields))


# -- variables of the compiler's own ----------------------------------------------------------------


@pytest.mark.parametrize("name", [".0", ".defaults", ".kwdefaults", ".type_params", ".format"])
def test_nobody_trusts_a_namespace(name):
    """LOAD_NAME finds whatever stands there."""
    refused(assemble(("LOAD_NAME", 0), *NULL, *loop(), co_names=(name,), co_flags=0, **MANY))
    if has("CALL_INTRINSIC_1"):
        refused(
            assemble(
                ("LOAD_NAME", 0),
                ("CALL_INTRINSIC_1", 10),
                "RETURN_VALUE",
                co_names=(name,),
                co_flags=0,
                **MANY,
            )
        )


def comprehension():
    constants = compile("def func(y): return sum(x for x in y)\n", "<text>", "exec").co_consts[0].co_consts
    return next(value for value in constants if hasattr(value, "co_code"))


TRUSTS = at(comprehension(), "FOR_ITER") - at(comprehension(), "LOAD_FAST") == 2


@pytest.mark.skipif(not TRUSTS, reason="it takes whatever can be iterated over")
def test_a_comprehension_is_called_by_the_code_around_it_alone():
    """As the outermost code anyone may call it, with anything; nested its argument is what GET_ITER left."""
    code = comprehension()
    refused(code, "cannot take object")
    verify_all(code, trusted=True)
    verify(compile("def func(y): return sum(x for x in y)\n", "<text>", "exec"))


@pytest.mark.skipif(not TRUSTS, reason="it takes whatever can be iterated over")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (("LOAD_CONST", 1),),
        (("LOAD_FAST", 0),),
        (("LOAD_FAST", 0), ("LOAD_FAST", 0)),
        (("BUILD_LIST", 0),),
    ],
)
def test_a_comprehension_gets_an_iterator(arguments):
    fields = {
        "co_varnames": ("x",),
        "co_argcount": 1,
        "co_consts": (None, 1, "text", comprehension()),
        "co_stacksize": 20,
    }
    load = making(3)
    if has("CALL_FUNCTION"):
        body = (*load, *arguments, ("CALL_FUNCTION", len(arguments)))
    elif RELEASE.null_after_callable:
        body = (*load, "PUSH_NULL", *arguments, *call(len(arguments)))
    else:
        body = ("PUSH_NULL", *load, *arguments, *call(len(arguments)))
    refused(assemble(*body, "RETURN_VALUE", **fields))


@pytest.mark.skipif(not TRUSTS, reason="it takes whatever can be iterated over")
@pytest.mark.parametrize(
    "handing", [("RETURN_VALUE",), (("STORE_FAST", 0), *RETURN), (("BUILD_TUPLE", 1), "RETURN_VALUE")]
)
def test_a_comprehension_is_not_handed_on(handing):
    fields = {
        "co_varnames": ("x",),
        "co_argcount": 1,
        "co_consts": (None, 1, "text", comprehension()),
        "co_stacksize": 20,
    }
    refused(assemble(*making(3), *handing, **fields))


@pytest.mark.skipif(not has("CALL_INTRINSIC_1"), reason="no type parameters")
@pytest.mark.parametrize(
    "names", [(".defaults",), (".kwdefaults",), (".defaults", "x"), ("x", ".defaults"), (".type_params",)]
)
def test_defaults_come_from_the_compilers_own_call(names):
    """An argument of that name may be anything where anyone calls, and in a nested function of another signature."""
    position = next(index for index, name in enumerate(names) if name.startswith("."))
    flag = 2 if ".kwdefaults" in names else 1
    made = (("LOAD_CONST", 6), ("MAKE_FUNCTION", flag)) if has("KW_NAMES") else (
        ("LOAD_CONST", 6), ("MAKE_FUNCTION", 0), ("SET_FUNCTION_ATTRIBUTE", flag))  # fmt: skip
    consts = (*MANY["co_consts"], comprehension().replace(co_varnames=("x", "y")))
    code = assemble(
        ("LOAD_FAST", position), *made, "RETURN_VALUE",
        co_varnames=names, co_argcount=len(names), co_consts=consts, co_stacksize=9,
    )  # fmt: skip
    refused(code)
    if len(names) > 1 or names == (".type_params",):
        refused(assemble(*making(6), "RETURN_VALUE", co_consts=(*MANY["co_consts"], code)))


@pytest.mark.skipif(not has("CALL_INTRINSIC_1"), reason="no type parameters")
def test_a_cell_that_others_see_is_not_trusted():
    """`.type_params` may be written by whoever got the cell."""
    load = "LOAD_CLOSURE" if has("LOAD_CLOSURE") and not has("SET_FUNCTION_ATTRIBUTE") else "LOAD_FAST"
    fields = {"co_varnames": ("g",), "co_argcount": 1, "co_cellvars": (".type_params",)}
    between = (*calling(("LOAD_FAST", 0), (load, 1)), "POP_TOP")
    tail = (("LOAD_DEREF", 1), ("CALL_INTRINSIC_1", 10), "RETURN_VALUE")
    inner = with_cells(
        ("BUILD_LIST", 0), ("CALL_INTRINSIC_1", 6), ("STORE_DEREF", 1), *between, *tail, **fields
    )
    refused(inner)
    refused(assemble(*making(0), "RETURN_VALUE", co_consts=(inner,)))


@pytest.mark.skipif(not has("CALL_INTRINSIC_1"), reason="no type parameters")
def test_a_generic_class_in_a_class_finds_its_parameters():
    """It looks in the outer class's namespace first, as no other code may for what is trusted."""
    text = "class A[T]:\n class B[U]:\n  def f(): return T, U\n"
    verify(compile(text, "x", "exec"))
    fields = {"co_cellvars": (".type_params",)}
    tail = (("LOAD_FROM_DICT_OR_DEREF", 1), ("CALL_INTRINSIC_1", 10), "RETURN_VALUE")
    inner = with_cells(("LOAD_FAST", 0), *tail, co_varnames=("__classdict__",), co_argcount=1, **fields)
    refused(assemble(*making(0), "RETURN_VALUE", co_consts=(inner,)))


@pytest.mark.parametrize("names", [(".0",), ("x",), (".defaults", "x")])
def test_import_star_writes_no_locals(names):
    """It writes whatever the module holds over them."""
    body = (("LOAD_FAST", 0), *STAR, *RETURN)
    refused(assemble(*body, co_varnames=names, co_argcount=1, **MANY), "writes locals")


# -- more than masks can hold -----------------------------------------------------------------------


@pytest.mark.parametrize("depth", [511, 512, 600, 1500])
def test_kinds_are_known_at_any_depth(depth):
    """Ways that bring closures of different lengths, with many values above them."""
    load = "LOAD_CLOSURE" if has("LOAD_CLOSURE") and not has("SET_FUNCTION_ATTRIBUTE") else "LOAD_FAST"
    first = 1 if NEW else 0
    pushes, pops = (("LOAD_CONST", 0),) * depth, ("POP_TOP",) * depth
    two = ((load, first), (load, first + 1), ("BUILD_TUPLE", 2), *pushes)
    one = ((load, first), ("BUILD_TUPLE", 1), *pushes)
    skip = (("JUMP_FORWARD", distance(*two)),)
    if has("JUMP_ABSOLUTE"):
        here = distance(("LOAD_FAST", 0), ("POP_JUMP_IF_FALSE", 300), *one, ("JUMP_FORWARD", 600))
        test = (("POP_JUMP_IF_FALSE", here),)
    else:
        name = "POP_JUMP_FORWARD_IF_FALSE" if has("POP_JUMP_FORWARD_IF_FALSE") else "POP_JUMP_IF_FALSE"
        test = (*(("TO_BOOL",) if has("TO_BOOL") else ()), (name, distance(*one, *skip)))
    inner = (
        compile("def f():\n a = b = c = 1\n def g(): return a, b, c\n", "x", "exec").co_consts[0].co_consts
    )
    code = next(value for value in inner if hasattr(value, "co_code"))
    if has("SET_FUNCTION_ATTRIBUTE"):
        made = (("LOAD_CONST", 1), ("MAKE_FUNCTION", 0), ("SET_FUNCTION_ATTRIBUTE", 8))
    else:
        made = (
            ("LOAD_CONST", 1),
            *(() if RELEASE.qualname_in_code else (("LOAD_CONST", 2),)),
            ("MAKE_FUNCTION", 8),
        )
    fields = {"co_varnames": ("x",), "co_argcount": 1, "co_cellvars": ("p", "q"), "co_consts": (None, code, "g"),
              "co_stacksize": depth + 20}  # fmt: skip
    refused(with_cells(("LOAD_FAST", 0), *test, *one, *skip, *two, *pops, *made, "RETURN_VALUE", **fields))


@borrowing
@pytest.mark.parametrize("depth", [5, 511, 512, 700])
def test_borrowed_locals_are_known_at_any_depth(depth):
    body = (
        ("LOAD_FAST_BORROW", 0),
        *(("LOAD_CONST", 0),) * depth,
        "NOP",
        ("STORE_FAST", 0),
        *("POP_TOP",) * (depth - 1),
    )
    fields = {"co_varnames": ("x",), "co_argcount": 1, "co_names": ("foo",), "co_stacksize": depth + 9}
    refused(assemble(*body, ("LOAD_ATTR", 0), "RETURN_VALUE", **fields), "borrowed")


# -- borrowed references ----------------------------------------------------------------------------

HANDING = {
    "LOAD_ATTR": (("LOAD_FAST_BORROW", 0), ("LOAD_ATTR", 1)),
    "LOAD_SPECIAL": (("LOAD_FAST_BORROW", 0), ("LOAD_SPECIAL", 0)),
    "FORMAT_SIMPLE": (("LOAD_FAST_BORROW", 0), "FORMAT_SIMPLE"),
    "END_SEND": (("LOAD_CONST", 0), *NULL, ("LOAD_FAST_BORROW", 0), "END_SEND"),
    "COPY": (("LOAD_FAST_BORROW", 0), ("COPY", 1)),
    "SWAP": (("LOAD_CONST", 0), ("LOAD_FAST_BORROW", 0), ("SWAP", 2)),
    "LOAD_SUPER_ATTR": (
        ("LOAD_CONST", 0),
        ("LOAD_CONST", 0),
        ("LOAD_FAST_BORROW", 0),
        ("LOAD_SUPER_ATTR", 1),
    ),
    "GET_ITER": (("LOAD_FAST_BORROW", 0), ("GET_ITER", 0)) if INDEX else (("LOAD_FAST_BORROW", 0),),
    "GET_YIELD_FROM_ITER": (("LOAD_FAST_BORROW", 0), "GET_YIELD_FROM_ITER")
    if not INDEX
    else (("LOAD_FAST_BORROW", 0),),
}


@borrowing
@pytest.mark.parametrize("how", HANDING)
@pytest.mark.parametrize("change", [(("LOAD_CONST", 0), ("STORE_FAST", 0)), (("DELETE_FAST", 0),)])
def test_what_hands_a_borrowed_value_on_keeps_the_mark(how, change):
    """What comes out may be the local itself, which the change would free."""
    fields = {"co_varnames": ("x",), "co_argcount": 1, "co_names": ("foo",), **MANY}
    refused(assemble(*HANDING[how], *change, "POP_TOP", *RETURN, **fields), "borrowed")


# -- lines ------------------------------------------------------------------------------------------


@cells
@pytest.mark.parametrize("units_before", [1, 2])
def test_lines_begin_where_instructions_do(units_before):
    """A trace function that jumps to a line would run the rest of an instruction."""
    body = (("LOAD_CONST", 300), "RETURN_VALUE")
    code = assemble(*body, co_consts=(None,) * 301)
    total, first = len(code.co_code) // 2, len(units(("RESUME", 0))) // 2

    def entry(count, delta):
        return bytes((0x80 | (10 + delta) << 3 | count - 1, 0, 0))

    verify(code.replace(co_linetable=entry(first, 0) + entry(2, 1) + entry(total - first - 2, 1)))
    middle = first + 1
    table = entry(first, 0) + entry(1, 1) + entry(total - middle, 1)
    refused(code.replace(co_linetable=table), "inside an instruction")


@cells
def test_no_jump_to_the_first_instruction():
    """Debug builds of 3.11 stop there."""
    size = len(units(("RESUME", 0), "NOP", ("JUMP_BACKWARD", 0))) // 2
    refused(assemble("NOP", ("JUMP_BACKWARD", size), *RETURN, **MANY), "first instruction")
