"""CPython 3.15: RESUME, GET_ITER and CALL_FUNCTION_EX gain a cache unit.

GET_ITER takes an argument and GET_YIELD_FROM_ITER is gone; LOAD_COMMON_CONSTANT knows more constants (None, '',
True, False, -1); IMPORT_NAME's two lowest bits say whether the import is lazy; `opcode`'s tables are frozen dicts
and tuples; `co_lnotab` is gone from code objects. The cell
and name opcodes are those of 3.14. Lazy imports (PEP 810) may leave `types.LazyImportType` objects in globals.
"""

from __future__ import annotations

from .py314 import RELEASE as PREVIOUS

RELEASE = PREVIOUS._replace(
    version=(3, 15),
    caches={**PREVIOUS.caches, "RESUME": 1, "GET_ITER": 1, "CALL_FUNCTION_EX": 1},
    name_shift={**PREVIOUS.name_shift, "IMPORT_NAME": 2},
)
