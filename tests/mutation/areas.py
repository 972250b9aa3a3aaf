"""What is mutated, and the tests that have to notice: those of the area, quick ones first."""

from __future__ import annotations

from typing import NamedTuple


class Area(NamedTuple):
    """A part of the library with its tests."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    operations: str
    """Which of the corpus's operations have to notice, too: an expression for `pytest -k`."""


AREAS = {
    "editor": Area(
        ("src/recell/code/*.py",),
        (
            "editor",
            "editor_forged",
            "editor_py312",
            "assembler",
            "scopes",
            "scopes_demote_freeze",
            "super_matrix",
            "slots_recipe",
            "carried_over",
            "bytecode_oracle",
            "pushed",
            "making",
            "nested",
        ),
        "promote or freeze or demote or scope",
    ),
    "verifier": Area(
        ("src/recell/verifier/*.py",),
        (
            "verifier",
            "verifier_states",
            "verifier_operands",
            "verifier_flow",
            "verifier_blocks",
            "verifier_generators",
            "verifier_py312",
            "cpython_faults",
            "verifier_fuzz",
        ),
        "verify",
    ),
    "patching": Area(
        ("src/recell/layers/*.py", "src/recell/patching/*.py"),
        (
            "override",
            "override_layers",
            "override_targets",
            "override_decorating",
            "layers",
            "layers_beneath",
            "layers_edits",
            "wrap",
            "running",
            "patching",
            "patching_programs",
            "swap",
            "swap_bridges",
            "swap_py312",
            "patching_reentrant",
            "patching_interleaved",
            "patching_interrupted",
            "patching_tracing",
            "repoint",
            "attach",
            "reload_living",
        ),
        "override or swap or wrap or patch",
    ),
}
