"""The code editor: names in a code object become constants, cells or globals, and nothing else changes.

Every function here takes a code object and returns one; it never mutates, works on the whole tree (nested
functions, lambdas, comprehensions, class bodies), and returns the very same object where nothing changes.
Free variables are told apart by slot and followed through the closures that the code builds: on 3.12+ one
name can have two slots.

Names, constants, positions, handlers and flags stay, byte for byte. An edit that keeps its size is made in
place, and where an instruction got shorter, the slack is stepped over by one jump; a prologue grows at its
head, which no jump crosses; what else changes the layout is relocated by `assembler`, which compares the
result with the original. With RECELL_VERIFY=1 in the environment, every result is verified as well.
"""

from __future__ import annotations

from recell.editing.to_cells import add_free_variables, globals_to_cells, with_cells
from recell.editing.to_constants import NotConstant, reads_to_constants
from recell.editing.to_globals import cells_to_globals, drop_free_variables
from recell.editing.uses import Use, uses

__all__ = [
    "NotConstant",
    "Use",
    "add_free_variables",
    "cells_to_globals",
    "drop_free_variables",
    "globals_to_cells",
    "reads_to_constants",
    "uses",
    "with_cells",
]
