"""CPython 3.11: cells are locals, closures open with a prologue, and instructions carry inline caches.

What's New 3.11: one index space for locals, cell and free variables, set up by MAKE_CELL and COPY_FREE_VARS
(gh-88116); an exception table instead of blocks (bpo-40222): a handler finds the exception, below it the index of the
instruction that raised, where the table asks for it; one value for an exception (bpo-45711); `co_qualname`
(bpo-44530); all jumps relative, backward ones with opcodes of their own; LOAD_GLOBAL's lowest bit pushes the NULL that
a call wants, below the callable; adaptive instructions with caches (PEP 659); PEP 654 (CHECK_EG_MATCH,
PREP_RERAISE_STAR); SWAP and COPY in place of ROT_* and DUP_*; RETURN_GENERATOR, SEND, BINARY_OP. Source:
Lib/opcode.py, Python/compile.c, Python/ceval.c of the 3.11 branch.
"""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import Any

from . import STAND_BY
from ._effects import changed, each, opcodes, without
from ._trusts import rows
from .py38 import BINARY, grows
from .py310 import RELEASE as PREVIOUS
from .py310 import make_function as make_function_310

NO_LOCATION = b"\xf8"
"""The entry of `co_linetable` for one code unit without a location (Objects/locations.md)."""


def prepare(
    func: Any,
    before: tuple[Any, ...],
    after: tuple[Any, ...],
    set_closure: Any,
    kept: tuple[Any, ...] | None,
    limbos: dict[Any, Any],
) -> tuple[Any, ...] | None:
    """Make ahead what `exchange` of the same parts needs: the limbo code, which holds the stand-by function.

    Since COPY_FREE_VARS is an instruction, a code without it runs on any closure. Such a `limbo` code takes over
    first: it passes every call on to a stand-by function with the new behaviour, while closure and defaults change
    beneath it. Then the new code is stored. Whoever calls in between, an audit hook too, gets the new behaviour.

    A closure that only gains cells needs none of it: the old code does not see them. `kept` is what was made for
    these parts before, and `limbos` what was made for this function.
    """
    code, closure, defaults, kwdefaults = before
    new_code, new_closure, new_defaults, new_kwdefaults = after
    if defaults is new_defaults and kwdefaults is new_kwdefaults and grows(closure, new_closure):
        return kept
    if kept is not None and kept[0] is code and kept[2] is new_defaults and kept[3] is new_kwdefaults:
        return kept
    stand_by = FunctionType(new_code, func.__globals__, STAND_BY, new_defaults, new_closure)
    if new_kwdefaults is not None:
        stand_by.__kwdefaults__ = new_kwdefaults
    key = code.co_freevars, code.co_flags & KINDS
    known = limbos.get(key)
    if known is None:
        known = limbos[key] = limbo(code, closure)
    template, head, tail = known
    return code, template.replace(co_consts=(*head, stand_by, *tail)), new_defaults, new_kwdefaults


def exchange(
    func: Any, before: tuple[Any, ...], after: tuple[Any, ...], set_closure: Any, kept: tuple[Any, ...] | None
) -> None:
    """Code, closure and defaults of a function at once, by way of the code that `prepare` made."""
    code, closure, defaults, kwdefaults = before
    new_code, new_closure, new_defaults, new_kwdefaults = after
    if defaults is new_defaults and kwdefaults is new_kwdefaults and grows(closure, new_closure):
        try:
            set_closure(func, new_closure)
            func.__code__ = new_code
        except BaseException:
            # the setter may be what fails, where memory or the stack is exhausted: it is called again only if it set
            if func.__code__ is not new_code and func.__closure__ is not closure:
                set_closure(func, closure)
            raise
        return
    assert kept is not None
    try:
        func.__code__ = kept[1]
        if new_closure is not closure:
            set_closure(func, new_closure)
        if new_defaults is not defaults:
            func.__defaults__ = new_defaults
        if new_kwdefaults is not kwdefaults:
            func.__kwdefaults__ = new_kwdefaults
        func.__code__ = new_code
    except BaseException:  # pragma: no cover - audit hooks: in child processes
        if func.__code__ is new_code:  # interrupted behind the last step: all is done
            raise
        if func.__closure__ is not closure:
            set_closure(func, closure)
        if new_defaults is not defaults:
            func.__defaults__ = defaults
        if new_kwdefaults is not kwdefaults:
            func.__kwdefaults__ = kwdefaults
        func.__code__ = code
        raise


def limbo(
    code: CodeType, closure: tuple[Any, ...] | None
) -> tuple[CodeType, tuple[Any, ...], tuple[Any, ...]]:
    """A code with the free variables of `code` that passes every call on, and its constants around whom it calls.

    Its free slots get cells from constants, ahead of RESUME: `f_locals` of a frame reads them unasked. They are
    empty ones, so that nothing is kept alive. The kind's flag without RETURN_GENERATOR leaves it a plain function
    for calls, and of the same kind for the setter.
    """
    template = _pass_on.__code__
    constants = (*template.co_consts, CellType())
    at = template.co_consts.index("stand by")
    cells = len(closure or ())
    head = bytearray()
    for index in range(cells):
        head += _unit("LOAD_CONST", len(template.co_consts)) + _unit(
            "STORE_FAST", template.co_nlocals + index
        )
    made = template.replace(
        co_code=bytes(head) + template.co_code,
        co_linetable=NO_LOCATION * (len(head) // 2) + template.co_linetable,
        co_consts=constants,
        co_freevars=code.co_freevars,
        co_flags=template.co_flags | code.co_flags & KINDS,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )
    return made, constants[:at], constants[at + 1 :]


KINDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


def _unit(name: str, argument: int) -> bytes:
    from opcode import opmap

    if argument > 255:
        return bytes((opmap["EXTENDED_ARG"], argument >> 8, opmap[name], argument & 255))
    return bytes((opmap[name], argument))


def _pass_on(*args: Any, **kwargs: Any) -> Any:
    function: Any = "stand by"
    return function(*args, **kwargs)


_BACKWARD = frozenset(
    {
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "POP_JUMP_BACKWARD_IF_FALSE",
        "POP_JUMP_BACKWARD_IF_TRUE",
        "POP_JUMP_BACKWARD_IF_NONE",
        "POP_JUMP_BACKWARD_IF_NOT_NONE",
    }
)

WAITING = ("FALSE", "TRUE", "NONE", "NOT_NONE")
"""The value that a conditional jump waits for."""


def make_function(flags: int) -> str:
    """The qualified name comes from the code."""
    return make_function_310(flags).replace("code str", "code")


def load_global(index: int) -> str:
    """Bit 0 pushes the NULL that a call wants, below the value."""
    return "-- null object" if index & 1 else "-- object"


def call(count: int) -> str:
    """A comprehension's function stands where a method would, its iterator where the object would."""
    return f"maybe_null value value*{count} -- object" if count else "called_or_null value -- object"


def precall(count: int) -> str:
    """Looks at what CALL takes."""
    if not count:
        return "called_or_null value -- called_or_null value"
    return f"maybe_null value value*{count} -- maybe_null value value*{count}"


def call_function_ex(flags: int) -> str:
    """A NULL lies below the callable."""
    return "null value value dict -- object" if flags & 1 else "null value value -- object"


def build_list(count: int) -> str:
    """An empty list may come to hold the exceptions of `except*`."""
    return f"value*{count} -- list" if count else "-- excs"


def swap(count: int) -> str:
    """Return SWAP's effect: the top and one further down change places."""
    both = f"moved any*{count - 2} moved"
    return f"{both} -- {both}"


def reraise(depth: int) -> str:
    """A non-zero argument says where the index of the instruction that raised lies."""
    return f"lasti any*{depth - 1} exc -- lasti any*{depth - 1}" if depth else "exc --"


RELEASE = PREVIOUS._replace(
    version=(3, 11),
    qualname_in_code=True,
    exception_table=True,
    unified_locals=True,
    padded_arguments=False,
    caches={
        "BINARY_SUBSCR": 4,
        "STORE_SUBSCR": 1,
        "UNPACK_SEQUENCE": 1,
        "STORE_ATTR": 4,
        "LOAD_ATTR": 4,
        "COMPARE_OP": 2,
        "LOAD_GLOBAL": 5,
        "BINARY_OP": 1,
        "LOAD_METHOD": 10,
        "PRECALL": 1,
        "CALL": 4,
    },
    relative_jumps=_BACKWARD
    | {
        "FOR_ITER",
        "SEND",
        "JUMP_FORWARD",
        "JUMP_IF_FALSE_OR_POP",
        "JUMP_IF_TRUE_OR_POP",
        "POP_JUMP_FORWARD_IF_FALSE",
        "POP_JUMP_FORWARD_IF_TRUE",
        "POP_JUMP_FORWARD_IF_NONE",
        "POP_JUMP_FORWARD_IF_NOT_NONE",
    },
    backward_jumps=_BACKWARD,
    absolute_jumps=frozenset(),
    const_opcodes=PREVIOUS.const_opcodes | {"KW_NAMES"},
    name_shift={**PREVIOUS.name_shift, "LOAD_GLOBAL": 1},
    deref_opcodes=PREVIOUS.deref_opcodes | {"MAKE_CELL"},
    global_null_bit=True,
    prepare=prepare,
    exchange=exchange,
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
        "ROT_TWO",
        "ROT_THREE",
        "ROT_FOUR",
        "ROT_N",
        "DUP_TOP",
        "DUP_TOP_TWO",
        *(f"BINARY_{name}" for name in BINARY),
        *(f"INPLACE_{name}" for name in BINARY),
        "CALL_FUNCTION",
        "CALL_FUNCTION_KW",
        "CALL_METHOD",
        "COPY_DICT_WITHOUT_KEYS",
        "GEN_START",
        "YIELD_FROM",
        "JUMP_ABSOLUTE",
        "JUMP_IF_NOT_EXC_MATCH",
        "POP_JUMP_IF_FALSE",
        "POP_JUMP_IF_TRUE",
        "SETUP_FINALLY",
        "SETUP_WITH",
        "SETUP_ASYNC_WITH",
        "POP_BLOCK",
        RESUME="--",
        PUSH_NULL="-- null",
        COPY="copied any*{below} -- copied any*{below}",
        SWAP=swap,
        BINARY_OP="value value -- object",
        PRECALL=precall,
        CALL=call,
        KW_NAMES="--",
        CALL_FUNCTION_EX=call_function_ex,
        LOAD_GLOBAL=load_global,
        MAKE_FUNCTION=make_function,
        MAKE_CELL="--",
        COPY_FREE_VARS="--",
        BUILD_LIST=build_list,
        DICT_MERGE="null value value dict any*{below} value -- null value value dict any*{below}",
        BEFORE_WITH="value -- object object",
        PUSH_EXC_INFO="exc -- prev exc",
        POP_EXCEPT="prev --",
        CHECK_EXC_MATCH="exc value -- exc bool",
        CHECK_EG_MATCH="exc_or_none value -- exc_or_none exc_or_none",
        PREP_RERAISE_STAR="exc excs -- exc_or_none",
        RERAISE=reraise,
        WITH_EXCEPT_START="value lasti prev exc -- value lasti prev exc object",
        MATCH_KEYS="value tuple -- value tuple object",
        MATCH_CLASS="value value names -- object",
        END_ASYNC_FOR="value exc --",
        ASYNC_GEN_WRAP="value -- object",
        RETURN_GENERATOR="-- object",
        SEND="value value -- value object",
        JUMP_BACKWARD="--",
        JUMP_BACKWARD_NO_INTERRUPT="--",
        **{f"POP_JUMP_FORWARD_IF_{condition}": "value --" for condition in WAITING},
        **{f"POP_JUMP_BACKWARD_IF_{condition}": "value --" for condition in WAITING},
    ),
    jump_effects={
        "FOR_ITER": "iter --",
        "SEND": "value value -- object",
        "JUMP_FORWARD": "--",
        "JUMP_BACKWARD": "--",
        "JUMP_BACKWARD_NO_INTERRUPT": "--",
        "JUMP_IF_FALSE_OR_POP": "value -- value",
        "JUMP_IF_TRUE_OR_POP": "value -- value",
        **{f"POP_JUMP_FORWARD_IF_{condition}": "value --" for condition in WAITING},
        **{f"POP_JUMP_BACKWARD_IF_{condition}": "value --" for condition in WAITING},
    },
    ends=PREVIOUS.ends - {"JUMP_ABSOLUTE"} | {"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"},
    argument_ranges={
        **{
            name: span
            for name, span in PREVIOUS.argument_ranges.items()
            if name not in ("ROT_N", "GEN_START", "RERAISE", "END_ASYNC_FOR")
        },
        "BINARY_OP": (0, 25),
        "COPY": (1, 1 << 30),
        "SWAP": (2, 1 << 30),
        "RERAISE": (0, 2),
        "GET_AWAITABLE": (0, 2),
        "RESUME": (0, 3),
    },
    unemitted=frozenset({"CACHE"}),
    actions={
        **without(
            PREVIOUS.actions,
            *opcodes("DUP_TOP DUP_TOP_TWO ROT_TWO ROT_THREE ROT_FOUR ROT_N CALL_FUNCTION CALL_FUNCTION_KW"),
        ),
        **each(
            {
                "call": "CALL",
                "precall": "PRECALL",
                "call_names": "KW_NAMES",
                "copy": "COPY",
                "swap": "SWAP",
                "store": "STORE_FAST",
                "delete": "DELETE_FAST",
                "deref": "LOAD_DEREF STORE_DEREF DELETE_DEREF LOAD_CLASSDEREF",
                "load_cell": "LOAD_CLOSURE",
                "make_cell": "MAKE_CELL",
                "free_vars": "COPY_FREE_VARS",
                "generator": "RETURN_GENERATOR",
                "yield_value": "YIELD_VALUE",
                "append": "LIST_APPEND LIST_EXTEND",
            }
        ),
    },
    block_opcodes=frozenset(),
    quiet=opcodes(
        "NOP EXTENDED_ARG POP_TOP SWAP COPY PUSH_NULL JUMP_FORWARD JUMP_BACKWARD_NO_INTERRUPT"
        " RETURN_VALUE LOAD_CONST STORE_FAST POP_EXCEPT PUSH_EXC_INFO"
    ),
    counting=opcodes(
        "LOAD_GLOBAL LOAD_ATTR CALL BINARY_OP STORE_ATTR COMPARE_OP STORE_SUBSCR UNPACK_SEQUENCE"
    ),
    no_location=NO_LOCATION,
    handler_entries="exc",
    before_generator=opcodes("COPY_FREE_VARS MAKE_CELL"),
    undisturbed=PREVIOUS.undisturbed - {"GEN_START", "SETUP_FINALLY"}
    | opcodes("RESUME COPY_FREE_VARS MAKE_CELL RETURN_GENERATOR POP_TOP SWAP COPY PUSH_NULL MAKE_FUNCTION"),
    generator_start="RETURN_GENERATOR",
    locals_need_cells=True,
)
# Python/ceval.c, Objects/frameobject.c, Objects/genobject.c
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "RESUME PUSH_NULL COPY SWAP BEFORE_WITH",
            "table": "BINARY_OP",
            "slot free-variable": "STORE_FAST DELETE_FAST",
            "slot cell": "LOAD_DEREF STORE_DEREF DELETE_DEREF",
            "slot cell namespace": "LOAD_CLASSDEREF",
            "slot cell-variable": "MAKE_CELL",
            "closure": "COPY_FREE_VARS",
            "self neighbours": "PRECALL CALL",
            "constant names neighbours": "KW_NAMES",
            "null dict": "CALL_FUNCTION_EX",
            "code tuple dict pairs cells": "MAKE_FUNCTION",
            "list": "LIST_APPEND LIST_EXTEND",
            "dict": "MAP_ADD DICT_UPDATE DICT_MERGE",
            "exception": "PUSH_EXC_INFO POP_EXCEPT CHECK_EXC_MATCH CHECK_EG_MATCH END_ASYNC_FOR",
            "exception lasti": "RERAISE WITH_EXCEPT_START",
            "exception exceptions": "PREP_RERAISE_STAR",
            "generator": "ASYNC_GEN_WRAP",
            "opening": "RETURN_GENERATOR",
            "generator neighbours": "YIELD_VALUE",
            "target neighbours": "SEND",
            "target": " ".join(RELEASE.relative_jumps - {"FOR_ITER", "SEND"}),
        },
    )
)
