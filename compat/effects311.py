"""Stack effects of CPython 3.11: an exception is one value, and calls have a NULL below the callable.

bpo-45711 (one value per exception), bpo-40222 (exception table: a handler finds the exception, below it the index
of the instruction that raised, where the table asks for it), PEP 654 (CHECK_EG_MATCH, PREP_RERAISE_STAR), SWAP and
COPY in place of ROT_* and DUP_*, RETURN_GENERATOR, SEND, BINARY_OP. Source: Python/ceval.c of the 3.11 branch.
"""

from __future__ import annotations

from ._effects import changed
from .effects38 import _BINARY
from .effects310 import EFFECTS as PREVIOUS
from .effects310 import make_function as make_function_310

WAITING = ("FALSE", "TRUE", "NONE", "NOT_NONE")
"""What a conditional jump waits for."""


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


def reraise(depth: int) -> str:
    """A non-zero argument says where the index of the instruction that raised lies."""
    return f"lasti any*{depth - 1} exc -- lasti any*{depth - 1}" if depth else "exc --"


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        "ROT_TWO",
        "ROT_THREE",
        "ROT_FOUR",
        "ROT_N",
        "DUP_TOP",
        "DUP_TOP_TWO",
        *(f"BINARY_{name}" for name in _BINARY),
        *(f"INPLACE_{name}" for name in _BINARY),
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
        SWAP="any*{arg} -- any*{arg}",
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
        MATCH_CLASS="value value tuple -- object",
        END_ASYNC_FOR="value exc --",
        ASYNC_GEN_WRAP="value -- object",
        RETURN_GENERATOR="-- object",
        SEND="iter value -- iter object",
        JUMP_BACKWARD="--",
        JUMP_BACKWARD_NO_INTERRUPT="--",
        **{f"POP_JUMP_FORWARD_IF_{condition}": "value --" for condition in WAITING},
        **{f"POP_JUMP_BACKWARD_IF_{condition}": "value --" for condition in WAITING},
    ),
    jumps={
        "FOR_ITER": "iter --",
        "SEND": "iter value -- object",
        "JUMP_FORWARD": "--",
        "JUMP_BACKWARD": "--",
        "JUMP_BACKWARD_NO_INTERRUPT": "--",
        "JUMP_IF_FALSE_OR_POP": "value -- value",
        "JUMP_IF_TRUE_OR_POP": "value -- value",
        **{f"POP_JUMP_FORWARD_IF_{condition}": "value --" for condition in WAITING},
        **{f"POP_JUMP_BACKWARD_IF_{condition}": "value --" for condition in WAITING},
    },
    ends=PREVIOUS.ends - {"JUMP_ABSOLUTE"} | {"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"},
    ranges={
        **{
            name: span
            for name, span in PREVIOUS.ranges.items()
            if name not in ("ROT_N", "GEN_START", "RERAISE")
        },
        "BINARY_OP": (0, 25),
        "COPY": (1, 1 << 30),
        "SWAP": (2, 1 << 30),
        "RERAISE": (0, 2),
        "GET_AWAITABLE": (0, 2),
        "RESUME": (0, 3),
    },
    quiet=frozenset(
        {
            "NOP",
            "EXTENDED_ARG",
            "POP_TOP",
            "SWAP",
            "COPY",
            "PUSH_NULL",
            "JUMP_FORWARD",
            "JUMP_BACKWARD",
            "JUMP_BACKWARD_NO_INTERRUPT",
            "RETURN_VALUE",
            "LOAD_CONST",
            "STORE_FAST",
            "POP_EXCEPT",
            "PUSH_EXC_INFO",
        }
    ),
    handler="exc",
    generator_start="RETURN_GENERATOR",
    empty_prefixes=False,
    locals_need_cells=True,
)
