"""The corpus: every Python function of the running standard library through every registered operation.

See README.md in this folder for how a capability registers its operation.
"""

from __future__ import annotations

from .harvest import code_objects, functions, is_made, live_functions, skipped
from .operations import Operation, Refused, Tally, load_operations, run, sample, table

__all__ = [
    "Operation",
    "Refused",
    "Tally",
    "code_objects",
    "functions",
    "is_made",
    "live_functions",
    "load_operations",
    "run",
    "sample",
    "skipped",
    "table",
]
