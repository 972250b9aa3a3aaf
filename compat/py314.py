"""CPython 3.14: annotations are evaluated on demand, and locals can be borrowed.

PEP 649/749 (`__annotate__`, its functions read names with LOAD_FROM_DICT_OR_GLOBALS), LOAD_FAST_BORROW
(gh-130704), LOAD_SMALL_INT, LOAD_COMMON_CONSTANT, CALL_KW's cache, RETURN_CONST and BINARY_SUBSCR gone,
END_ASYNC_FOR jumps; flags CO_HAS_DOCSTRING and CO_METHOD. `dis.hasfree` lost LOAD_DEREF (gh-151321).
"""

from __future__ import annotations

from .py313 import RELEASE as PREVIOUS

RELEASE = PREVIOUS._replace(
    version=(3, 14),
    docstring_flag=0x4000000,
    caches={
        **{name: units for name, units in PREVIOUS.caches.items() if name != "BINARY_SUBSCR"},
        "BINARY_OP": 5,
        "CALL_KW": 3,
    },
    relative_jumps=PREVIOUS.relative_jumps | {"END_ASYNC_FOR"},
    backward_jumps=PREVIOUS.backward_jumps | {"END_ASYNC_FOR"},
    const_opcodes=PREVIOUS.const_opcodes - {"RETURN_CONST"},
    local_opcodes=PREVIOUS.local_opcodes | {"LOAD_FAST_BORROW"},
    local_pair_opcodes=PREVIOUS.local_pair_opcodes | {"LOAD_FAST_BORROW_LOAD_FAST_BORROW"},
    closure_loads=PREVIOUS.closure_loads | {"LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"},
)
