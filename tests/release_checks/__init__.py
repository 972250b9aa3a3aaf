"""One check for each field of `Release`: what the running interpreter, its `opcode` and its `dis` say of it.

`failures(facts)` answers the fields that are wrong, with the reason. A check names nothing but its own field's answer,
so that a newcomer who adds a release reads what to correct. What could end the interpreter runs in a child process.
"""

from __future__ import annotations

import recell
from release_checks import code_objects, code_units, effects, functions, names, running
from release_checks.base import CHECKS, failures
from release_checks.effects import BY_ITSELF

__all__ = ["BY_ITSELF", "CHECKS", "PARTS", "failures", "recell"]

PARTS = (code_objects, code_units, names, effects, running, functions)
