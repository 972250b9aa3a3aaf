"""What CPython's instructions take for granted: for each kind, programs that would end the interpreter are refused.

None of them is run here. `fuzz_verifier` runs what `verify` accepts.
"""

from __future__ import annotations

import sys
from types import CellType

import pytest
from assembling import NEW, RELEASE, assemble, at, has, patched, units
from verifying import RETURN, refused

from recell import verify
from recell.verifier.verify import verify_all

INDEX = sys.version_info >= (3, 15)  # an iterator takes two places
NULL = (("PUSH_NULL", 0),) if INDEX else ()
DROPS = ("POP_TOP",) * (2 if INDEX else 1)
STEP = 2 if RELEASE.jump_unit == 1 else 1
ENDING = {(3, 12): ("END_FOR",), (3, 13): ("END_FOR", "POP_TOP")}.get(
    sys.version_info[:2], ("END_FOR", "POP_ITER") if has("POP_ITER") else ()
)
MANY = {"co_consts": (None, 1, "text", b"bytes", (1,), ("a", "b")), "co_stacksize": 20}
borrowing = pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="nothing is borrowed")
cells = pytest.mark.skipif(not NEW, reason="the frame keeps cells apart")
attributes = pytest.mark.skipif(
    not has("SET_FUNCTION_ATTRIBUTE"), reason="functions are made with their attributes"
)


def distance(*instructions) -> int:
    """A jump's argument over these instructions."""
    return len(units(*instructions)) // 2 * STEP


def loop(*, ending=ENDING):
    """One turn of FOR_ITER over what lies on the stack."""
    body = ("POP_TOP", *DROPS, *RETURN)
    return (("FOR_ITER", distance(*body)), *body, *ending, *RETURN)


def call(count=0):
    return (("PRECALL", count), ("CALL", count)) if has("PRECALL") else (("CALL", count),)


def calling(load, *arguments):
    """A call of what `load` pushes."""
    if has("CALL_FUNCTION"):
        return (load, *arguments, ("CALL_FUNCTION", len(arguments)))
    null = "PUSH_NULL"
    opening = (load, null) if RELEASE.null_after_callable else (null, load)
    return (*opening, *arguments, *call(len(arguments)))


def making(constant, name=2):
    """MAKE_FUNCTION without attributes."""
    if not RELEASE.qualname_in_code:
        return (("LOAD_CONST", constant), ("LOAD_CONST", name), ("MAKE_FUNCTION", 0))
    return (("LOAD_CONST", constant), ("MAKE_FUNCTION", 0))


def with_cells(*instructions, **fields):
    """Code whose first instructions make and copy cells."""
    opening = []
    if NEW:
        if fields.get("co_freevars"):
            opening.append(("COPY_FREE_VARS", len(fields["co_freevars"])))
        names = [*fields.get("co_varnames", ())]
        names += [name for name in fields.get("co_cellvars", ()) if name not in names]
        opening += [("MAKE_CELL", names.index(name)) for name in fields.get("co_cellvars", ())]
        opening.append(("RESUME", 0))
    return assemble(*opening, *instructions, opening=False, **{**MANY, **fields})


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


STAR = (("CALL_INTRINSIC_1", 2), "POP_TOP") if has("CALL_INTRINSIC_1") else ("IMPORT_STAR",)


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
