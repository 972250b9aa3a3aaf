"""CPython 3.9: `JUMP_IF_NOT_EXC_MATCH`, and `finally` bodies are copied instead of called.

What's New 3.9, "CPython bytecode changes": BEGIN_FINALLY, CALL_FINALLY and POP_FINALLY are gone, RERAISE and
WITH_EXCEPT_START came. The line table is still `co_lnotab`.
"""

from __future__ import annotations

from .py38 import RELEASE as PREVIOUS

RELEASE = PREVIOUS._replace(
    version=(3, 9),
    relative_jumps=PREVIOUS.relative_jumps - {"CALL_FINALLY"},
    absolute_jumps=PREVIOUS.absolute_jumps | {"JUMP_IF_NOT_EXC_MATCH"},
)
