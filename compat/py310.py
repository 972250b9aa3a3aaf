"""CPython 3.10: jumps count instructions instead of bytes, and lines stand in `co_linetable` (PEP 626).

bpo-27129 (jump arguments), bpo-42246 (PEP 626), bpo-42990 (`__builtins__` of functions, bound when they are
made). Pattern matching (PEP 634) brings its opcodes; none names a variable. The eval loop looks whether to switch
threads at calls and backward jumps only, no longer at every instruction (CHECK_EVAL_BREAKER in Python/ceval.c).
"""

from __future__ import annotations

from .py39 import RELEASE as PREVIOUS

RELEASE = PREVIOUS._replace(version=(3, 10), line_table="co_linetable", jump_unit=2, atomic_stores=True)
