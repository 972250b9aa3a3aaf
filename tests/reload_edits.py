"""The table of edits, whole: each is played by `test_reload_edits.py`, and through other reloaders by the benchmark."""

from __future__ import annotations

import reload_edits_classes

# importing them fills the table, in this order
import reload_edits_functions
import reload_edits_kinds
import reload_edits_modules
import reload_edits_programs
from reload_edit import EDITS, Edit

__all__ = ["EDITS", "Edit"]

_ = (
    reload_edits_functions,
    reload_edits_modules,
    reload_edits_classes,
    reload_edits_programs,
    reload_edits_kinds,
)
