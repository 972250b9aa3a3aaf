"""`Release`: every question that recell asks of a CPython release, typed, without defaults.

A new question gets a field here, its first answer in `py38.py`, and an override in each release that
changed it. Opcodes are named, never numbered: numbers come from the running interpreter's `opcode`.
"""

from __future__ import annotations

from types import CodeType
from typing import Any, Callable, FrozenSet, Mapping, NamedTuple, Optional, Tuple

from ._effects import Effect

DEFAULTS, KWDEFAULTS, ANNOTATIONS, CLOSURE, ANNOTATE = 1, 2, 4, 8, 16
"""The bits of MAKE_FUNCTION's argument, and of SET_FUNCTION_ATTRIBUTE's (3.13+): what a new function gets."""


class Release(NamedTuple):
    """The facts of one CPython release."""

    version: Tuple[int, int]

    # -- code objects ---------------------------------------------------------------------------
    line_table: str
    """The field of `CodeType.replace` that holds the line table."""
    no_location: bytes
    """The line table's entry for one code unit without a location; empty where there is none."""
    qualname_in_code: bool
    """Code objects carry `co_qualname`; before, MAKE_FUNCTION takes it from the stack."""
    docstring_flag: int
    """The flag that says constant 0 is the docstring; 0 where a text there always is."""
    exception_table: bool
    """Handlers stand in `co_exceptiontable`; before, SETUP_* opcodes push blocks."""
    handlers_last: bool
    """The compiler moves handlers behind the last return; before, they stand where their statement does."""
    unified_locals: bool
    """Locals, cell variables and free variables share one index space, and cells are set up by a prologue
    (COPY_FREE_VARS, MAKE_CELL); before, cells and free variables are numbered apart."""

    # -- code units -----------------------------------------------------------------------------
    jump_unit: int
    """Bytes per step of a jump's argument."""
    padded_arguments: bool
    """An EXTENDED_ARG may hold nothing; later, debug builds stop there."""
    caches: Mapping[str, int]
    """Inline cache units behind an opcode, where there are any."""
    relative_jumps: FrozenSet[str]
    """Jumps that count from the next instruction."""
    backward_jumps: FrozenSet[str]
    """Those of the relative jumps that go backwards."""
    absolute_jumps: FrozenSet[str]

    # -- names, constants and slots -------------------------------------------------------------
    const_opcodes: FrozenSet[str]
    """Opcodes whose argument is an index into `co_consts`."""
    name_shift: Mapping[str, int]
    """Opcodes whose argument holds a `co_names` index above this many flag bits."""
    local_opcodes: FrozenSet[str]
    """Opcodes whose argument is one fast-local slot."""
    local_pair_opcodes: FrozenSet[str]
    """Opcodes whose argument packs two fast-local slots, four bits each."""
    deref_opcodes: FrozenSet[str]
    """Opcodes whose argument is the slot of a cell or free variable."""
    class_deref: str
    """The opcode that looks in a class body's namespace before the cell."""
    closure_loads: FrozenSet[str]
    """Opcodes that push the cell itself, to build an inner function's closure."""
    constant_loads: Mapping[str, str]
    """Opcodes that push a constant, and what their argument selects it from: `co_consts`, a table of `opcode`, or the
    argument itself."""
    global_null_bit: bool
    """LOAD_GLOBAL's lowest bit pushes a NULL for the call that follows."""
    null_after_callable: bool
    """True where NULL lies above the callable; before, below it."""

    # -- what one instruction does to the value stack ------------------------------------------
    effects: Mapping[str, Effect]
    """Opcode -> its effect when the next instruction follows, in the notation of `_effects`."""
    trusts: Mapping[str, str]
    """Opcode -> what it takes for granted besides, in the words of `_trusts`."""
    jump_effects: Mapping[str, str]
    """Opcode -> its effect when its jump is taken."""
    unemitted: FrozenSet[str]
    """Opcodes in `opcode.opmap` that stand in no code object that a compiler made."""
    ends: FrozenSet[str]
    """Opcodes that the next instruction never follows."""
    argument_ranges: Mapping[str, Tuple[int, int]]
    """Opcode -> its smallest and greatest argument, where that selects something."""
    actions: Mapping[str, str]
    """Opcode -> the action of `recell.verifier.actions` for the rest of it."""
    block_opcodes: FrozenSet[str]
    """Opcodes that set up, change or look at blocks, where there are any."""
    quiet: FrozenSet[str]
    """Opcodes that raise nothing, so that a handler's part of the stack may be in disorder around them."""
    skipped_after_loop: Tuple[str, ...]
    """The opcodes at FOR_ITER's target that are stepped over when the loop ends."""
    loop_tail: Tuple[str, ...]
    """The end of a generator expression, which is left to a handler that needs more values than are there."""
    checked_locals: bool
    """LOAD_FAST raises for an unbound local; later it reads whatever is there."""
    handler_entries: str
    """The values that an exception leaves on the stack before its handler."""
    finally_calls: bool
    """Handlers are also called as subroutines (CALL_FINALLY), so that one instruction sees stacks of several shapes."""
    asks_format: int
    """The COMPARE_OP by which an annotation scope tests its argument, without asking for a bool, or -1."""
    before_generator: FrozenSet[str]
    """The opcodes that may run before it."""
    undisturbed: FrozenSet[str]
    """Opcodes that run no other code: what they leave alone is as the compiler's own caller gave it."""
    generator_start: str
    """The opcode that a generator's code starts with, or nothing where the flag alone makes the generator."""
    compiler_names: Mapping[str, str]
    """Variables that compilers keep things in and that no program can name: name -> kind."""
    scope_parameters: Callable[[CodeType], Tuple[str, ...]]
    """The parameters of a code object, each by the name of what its caller passes (a scope may call it otherwise)."""
    locals_need_cells: bool
    """`locals()` reads the cells of all free variables, whether they were copied or not."""
    executors: FrozenSet[str]
    """Opcodes that a JIT writes over others."""
    counting: FrozenSet[str]
    """Opcodes whose first cache unit counts down until they are specialised."""
    fresh_counter: int
    """The value of those counters before the first run; 0 where the first run marks RESUME alone."""
    specialised_caches: bool
    """Making a code object empties the caches behind specialised opcodes, too."""
    despecialise: Optional[Callable[[CodeType], bool]]
    """Puts the compiler's opcodes back over specialised ones, in place, so that nothing forged is run; answers whether
    there was a way to try. None where there is none."""
    watched: Callable[[CodeType], bool]
    """True where a monitor watches this code by itself: then its data are there, and instrumented opcodes are right."""
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

    # -- functions ------------------------------------------------------------------------------
    function_factory: Optional[Callable[[int], CodeType]]
    """Makes, for a set of MAKE_FUNCTION attributes, the code of a function that makes functions; None where
    `types.FunctionType` gives functions that are called as fast as the compiler's."""
    frozen_at_start: int
    """At most how many objects the interpreter itself puts into `gc.freeze()` when it starts."""

    # -- exchange -------------------------------------------------------------------------------
    prepare: Callable[..., Optional[Tuple[Any, ...]]]
    """`prepare(func, before, after, set_closure, kept, limbos)`: make ahead what the exchange of these parts allocates.
    Returns it, for `kept`; `limbos` is a dict in which it may keep what is of use for other exchanges of `func`."""
    exchange: Callable[..., None]
    """`exchange(func, before, after, set_closure, kept)`: code, closure, defaults and keyword defaults of a function
    (`before` and `after` are those four) at once, so that nobody who calls it meanwhile sees a mixture."""
