"""A probe as text compiled into a function: conditions, variables that may be unbound, exits and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.code.instructions import opcodes
from recell.rewriting.assembling import Above, parts_of
from recell.rewriting.library import library
from recell.rewriting.places import ENTRY, ERROR, EXIT, body_start, line_sites
from recell.rewriting.sites import first_place, jumps_of, lines_of, own_locals, put_first, put_in
from recell.rewriting.statements import Variables, compiled

if TYPE_CHECKING:
    from recell.rewriting.probe_edits import Point

__all__ = ["ProbeText"]

VALUE: dict[Any, str] = {EXIT: "result", ERROR: "error"}
"""The variable that is there at a moment only."""
CALL, LATE, UNBOUND = "__probe_call__", "__probe_late__", "__probe_unbound__"
STEPS, STEP = "__probe_steps__", "__probe_step__"


class ProbeText:
    """The edit that puts a probe in."""

    def __init__(self, point: Point) -> None:
        self.point = point

    def __call__(self, items: Any) -> None:
        at = self.point.at
        if at is ENTRY:
            put_first(items, self.pieces)
        elif at is EXIT:
            self.at_exit(items)
        elif at is ERROR:
            self.at_error(items)
        else:
            assert isinstance(at, int)
            parts = parts_of(list.__iter__(items))
            numbers = [item.opcode for item in parts.instructions]
            put_in(items, line_sites(numbers, lines_of(parts), at, lambda: jumps_of(parts)), self.pieces, at)

    def text(self, bound: set[str]) -> Any:
        """Return the tree of the statements; `bound`: variables that are bound in any case."""
        import ast

        hook, point = self.point.hook, self.point
        call = f"{CALL}({', '.join(hook.names)})"
        unsure = [name for name in hook.names if name not in bound and name not in point.tested]
        if unsure:
            lines = [
                "try:",
                *(f"  {name}" for name in unsure),
                f"except {UNBOUND}:",
                f"  {LATE}()",
                "else:",
                f"  {call}",
            ]
        else:
            lines = [call]
        lines = [f"for {STEP} in {STEPS}:", *(f"  {line}" for line in lines), "  break"]
        if point.condition is not None:
            lines = ["if 0:", *(f"  {line}" for line in lines)]
        untested = [name for name in point.tested if name not in bound]
        if untested:
            # where a variable is unbound, the condition does not hold
            lines = [
                "try:",
                *(f"  {name}" for name in untested),
                f"except {UNBOUND}:",
                "  pass",
                "else:",
                *(f"  {line}" for line in lines),
            ]
        tree = ast.parse("\n".join(lines))
        if point.condition is not None:
            branch = next(node for node in ast.walk(tree) if isinstance(node, ast.If))
            branch.test = point.condition
        return tree

    def pieces(self, items: Any, line: int) -> list[Any]:
        """Return the library's objects of the probe on a line."""
        variables = Variables.of(items)
        value = VALUE.get(self.point.at)
        kept = always_bound(items)
        if value is not None:
            variables = variables.with_local(value)
            kept.add(value)
        made = compiled(self.text(kept), variables, items, line)
        hook = self.point.hook
        constants = {CALL: hook.call, LATE: hook.late, STEPS: hook.steps, UNBOUND: NameError}
        result = with_constants(made, constants)
        for item in result:
            if getattr(item, "arg", None) == STEP:  # no variable of the function
                item.set("POP_TOP")
        if value is not None:
            for item in result:
                rename(item, value, f".{value}")
        return result

    def at_exit(self, items: Any) -> None:
        """Keep the value that is returned in a local of its own, too, for as long as the probe runs."""
        bytecode = library()
        again = bytecode.Instr("COPY", 1) if "COPY" in _opmap() else bytecode.Instr("DUP_TOP")
        result: list[Any] = []
        own_locals(parts_of(list.__iter__(items)).instructions)  # what is stored must be owned
        for item in list.__iter__(items):
            if not isinstance(item, bytecode.Instr) or item.name not in ("RETURN_VALUE", "RETURN_CONST"):
                result.append(item)
                continue
            where = {"location": item.location}
            line = item.location.lineno if item.location is not None else None
            if item.name == "RETURN_CONST":
                result.append(bytecode.Instr("LOAD_CONST", item.arg, **where))
            result.append(again.copy())
            result.append(bytecode.Instr("STORE_FAST", ".result", **where))
            result += self.pieces(items, line or items.first_lineno)
            result.append(bytecode.Instr("RETURN_VALUE", **where))
        list.__setitem__(items, slice(None), result)

    def at_error(self, items: Any) -> None:
        """Put a handler around the body, inside that which generators have (3.12+), outside all others."""
        if opcodes().release.exception_table:
            self.in_table(items)
        else:
            self.in_block(items)

    def in_table(self, items: Any) -> None:
        bytecode = library()
        every = list(list.__iter__(items))
        instructions = [at for at, item in enumerate(every) if isinstance(item, bytecode.Instr)]
        start = instructions[body_start([every[at].opcode for at in instructions])]
        nowhere = bytecode.instr.InstrLocation(items.first_lineno, items.first_lineno, 0, 0)
        where = {"location": nowhere}

        def instr(name: str, *argument: Any) -> Any:
            return bytecode.Instr(name, *argument, **where)

        handler, cleanup = bytecode.Label(), bytecode.Label()
        stop = stop_iteration(every)
        if stop is not None:
            for item in every:
                if isinstance(item, bytecode.TryBegin) and item.target is stop:
                    item.target, item.stack_depth = handler, Above(item.stack_depth)
        around = bytecode.TryBegin(handler, push_lasti=True)
        inside = bytecode.TryBegin(cleanup, push_lasti=True)
        tail = [instr("COPY", 3), instr("POP_EXCEPT"), instr("RERAISE", 1)]
        body = [
            instr("PUSH_EXC_INFO"),
            instr("COPY", 1),
            instr("STORE_FAST", ".error"),
            *self.pieces(items, items.first_lineno),
            instr("DELETE_FAST", ".error"),
            instr("RERAISE", 2),
        ]
        last = bytecode.TryBegin(stop, push_lasti=True, stack_depth=0) if stop is not None else None
        if stop is not None:
            # not around that handler itself, which stands outside
            first = next(at for at, item in enumerate(every) if item is stop)
            behind = next(at for at in instructions if at > first and every[at].is_final()) + 1
            rest = bytecode.TryBegin(handler, push_lasti=True, stack_depth=Above(0))
            if behind < len(every):
                every += [bytecode.TryEnd(rest)]
                every[behind:behind] = [rest]
            every[first:first] = [bytecode.TryEnd(around)]
        else:
            every += [bytecode.TryEnd(around)]
        every[start:start] = [around]
        every += [handler, inside, *body, bytecode.TryEnd(inside), cleanup]
        every += [last, *tail, bytecode.TryEnd(last)] if last is not None else tail
        list.__setitem__(items, slice(None), every)

    def in_block(self, items: Any) -> None:
        bytecode = library()
        every = list(list.__iter__(items))
        start = first_place(items)
        handler = bytecode.Label()

        def instr(name: str, *argument: Any) -> Any:
            return bytecode.Instr(name, *argument, lineno=items.first_lineno)

        result: list[Any] = []
        for at, item in enumerate(every):
            if at == start:
                result.append(instr("SETUP_FINALLY", handler))
            if isinstance(item, bytecode.Instr) and item.name == "RETURN_VALUE":
                result.append(bytecode.Instr("POP_BLOCK", location=item.location))
            result.append(item)
        again = instr("END_FINALLY") if "END_FINALLY" in _opmap() else None
        if again is None:
            again = instr("RERAISE", 0) if takes_argument("RERAISE") else instr("RERAISE")
        result += [
            handler,
            instr("DUP_TOP_TWO"),
            instr("POP_TOP"),
            instr("STORE_FAST", ".error"),
            *self.pieces(items, items.first_lineno),
            instr("DELETE_FAST", ".error"),
            again,
        ]
        if "END_FINALLY" in _opmap():  # which may go on behind it, as far as the compiler knows
            result += [instr("LOAD_CONST", None), instr("RETURN_VALUE")]
        list.__setitem__(items, slice(None), result)


def _opmap() -> dict[str, int]:
    from opcode import opmap

    return opmap


def takes_argument(name: str) -> bool:
    """Say whether an opcode has an argument."""
    import opcode

    return _opmap()[name] >= opcode.HAVE_ARGUMENT


def always_bound(items: Any) -> set[str]:
    """Return the parameters that are never deleted."""
    bytecode = library()
    names = set(items.argnames) - set(items.cellvars)
    for item in list.__iter__(items):
        if isinstance(item, bytecode.Instr) and item.name in ("DELETE_FAST", "LOAD_FAST_AND_CLEAR"):
            names.discard(str(item.arg))
    return names


def stop_iteration(every: list[Any]) -> Any:
    """Return the label of the handler that makes a RuntimeError of StopIteration in generators (3.12+), or None."""
    bytecode = library()
    label = None
    for item in every:
        if isinstance(item, bytecode.Label):
            label = item
        elif isinstance(item, bytecode.Instr):
            if item.name == "CALL_INTRINSIC_1" and "STOPITERATION" in getattr(item.arg, "name", ""):
                return label
            label = label if item.name in ("CALL_INTRINSIC_1", "PUSH_EXC_INFO") else None
    return None


def with_constants(made: list[Any], constants: dict[str, Any]) -> list[Any]:
    """Return instructions with constants in the place of the globals that stand for them."""
    bytecode = library()
    release = opcodes().release
    result: list[Any] = []
    for item in made:
        name = item.arg if isinstance(item, bytecode.Instr) and item.name == "LOAD_GLOBAL" else None
        null = isinstance(name, tuple) and name[0]
        name = name[1] if isinstance(name, tuple) else name
        if name not in constants:
            result.append(item)
            continue
        load = [bytecode.Instr("LOAD_CONST", constants[name], location=item.location)]
        if null:
            push = bytecode.Instr("PUSH_NULL", location=item.location)
            load.insert(len(load) if release.null_after_callable else 0, push)
        result += load
    return result


def rename(item: Any, old: str, new: str) -> None:
    """Give an instruction on one local, or on a pair, another local instead."""
    arg = getattr(item, "arg", None)
    if arg == old and "_FAST" in item.name:
        item.arg = new
    elif isinstance(arg, tuple) and item.name in opcodes().release.local_pair_opcodes and old in arg:
        item.arg = tuple(new if name == old else name for name in arg)
