"""`Effects`: what each opcode takes from the value stack and leaves there, in one small notation.

`"value iter -- value"`: takes an iterator (on top) and a value below it, leaves a value. Items are kinds (their
names stand in `recell.verifier.kinds`), `kind*{arg}` is as many as the argument says, `kind*{below}` one fewer, and
items that stand at the head of both sides are looked at, not taken. A callable makes the text from the argument, or
answers None for an argument that no compiler emits. One file per release holds what changed since the one before,
and every file imports on every interpreter, as the releases' other facts do.
"""

from __future__ import annotations

from typing import Callable, FrozenSet, Mapping, NamedTuple, Optional, Tuple, Union

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._release import Release

Effect = Union[str, Callable[[int], Optional[str]]]


class Effects(NamedTuple):
    """What one release's opcodes do to the value stack."""

    falls: Mapping[str, Effect]
    """Opcode -> its effect when the next instruction follows; an opcode that is not here is not run."""
    jumps: Mapping[str, str]
    """Opcode -> its effect when its jump is taken."""
    ends: FrozenSet[str]
    """Opcodes that the next instruction never follows."""
    ranges: Mapping[str, Tuple[int, int]]
    """Opcode -> its smallest and greatest argument, where that selects something."""
    quiet: FrozenSet[str]
    """Opcodes that raise nothing, so that a handler's part of the stack may be in disorder around them."""
    skipped_after_loop: Tuple[str, ...]
    """What stands at FOR_ITER's target and is stepped over when the loop ends."""
    checked_locals: bool
    """LOAD_FAST raises for an unbound local; later it reads whatever is there."""
    handler: str
    """What an exception leaves on the stack before its handler."""
    empty_prefixes: bool
    """An EXTENDED_ARG may hold nothing; later, debug builds stop there."""
    finally_calls: bool
    """Handlers are also called as subroutines (CALL_FINALLY), so that one instruction sees stacks of several shapes."""
    generator_start: str
    """The opcode that a generator's code starts with, or nothing where the flag alone makes the generator."""
    compiler_names: Mapping[str, str]
    """What compilers keep in variables that no program writes: name -> kind."""
    locals_need_cells: bool
    """`locals()` reads the cells of all free variables, whether they were copied or not."""
    fresh_counter: int
    """What the counters in inline caches say before the first run; 0 where the first run marks RESUME alone."""
    ascending_lines: bool
    """Tools that watch lines count from the first: none lies before it (but a module's 0)."""
    resume_before_generator: int
    """The argument of a RESUME that RETURN_GENERATOR may follow, or -1 where none comes before it."""
    delegating_yields: bool
    """YIELD_VALUE's argument says that it yields for another iterator."""
    stop_iteration_error: int
    """The CALL_INTRINSIC_1 that makes a RuntimeError of a StopIteration that leaves a generator, or 0.

    Where there is one, the code itself sees to it, and debug builds assert that nothing slips through.
    """


def load_effects(release: Release) -> Effects:
    """The stack effects of a release's opcodes."""
    from importlib import import_module

    major, minor = release.version
    effects: Effects = import_module(f"{__package__}.effects{major}{minor}").EFFECTS
    return effects


def changed(before: Mapping[str, Effect], *gone: str, **now: Effect) -> Mapping[str, Effect]:
    """A table without the opcodes that a release dropped, and with those that it added or changed."""
    return {**{name: effect for name, effect in before.items() if name not in gone}, **now}
