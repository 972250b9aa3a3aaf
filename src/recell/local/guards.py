"""Code that asks the context first: a guard ahead of a plain function's body, a dispatcher for the other kinds.

Both hold the function that returns the box as a constant, so the function's closure stays as it is. Nothing that a
constant reaches may hold the function: the garbage collector does not look into code objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.code.assembler import VERIFY, apply, enter
from recell.code.guarded import Guarded
from recell.code.instructions import decoded, found, instruction, opcodes
from recell.code.slots import copying_units, free_base
from recell.errors import UnsupportedCodeError
from recell.flags import GENERATORS, NESTED, parameters
from recell.local.templates import dispatching, guarding, relaying, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType

    from recell.code.instructions import Instruction

__all__ = ["guarded", "relayed"]


def guarded(
    func: FunctionType, code: CodeType, box_of: Callable[[], Any], sink: Any, asked: str = "on"
) -> CodeType:
    """Return code that does what the box of the context has, where it is on, and else what the code does.

    Args:
        func: the function that is to run it.
        code: the function's own code.
        box_of: returns the box; called once or twice for each call of the function.
        sink: where process-wide changes of the function go, for `Guarded`.
        asked: the attribute of the box that says whether calls go to its `call`.

    Raises:
        UnsupportedCodeError: the code is not as a compiler makes it.
    """
    for name in code.co_varnames[: parameters(code)]:
        if name[0] == ".":
            raise _unsupported(code, f"its parameter `{name}` is one that only compiled code gives")
    mark = Guarded(code, sink)
    if code.co_flags & GENERATORS:
        new = _dispatcher(func, code, box_of, mark, asked)
    else:
        new = _with_guard(code, box_of, mark, asked)
    return _checked(new)


def relayed(code: CodeType, callee_of: Callable[[], Any]) -> CodeType:
    """Return code with the same parameters and of the same kind that calls what `callee_of()` returns."""
    template = relaying(shape_of(code), code.co_flags & GENERATORS)
    fields = _head(code, template, ())
    return _checked(_without_box(template, {0: callee_of}, (), fields))


def _checked(code: CodeType) -> CodeType:
    """Return the code, verified where that is asked for; one with only a kind's flag as a plain function."""
    if VERIFY:
        from recell.verifier.verify import verify_all

        verify_all(code, trusted=True, dispatcher=True)
    return code


def _head(code: CodeType, template: CodeType, free: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields that code in place of other code has from that."""
    count = parameters(code)
    fields: dict[str, Any] = {
        "co_varnames": code.co_varnames[:count] + tuple("." + name for name in template.co_varnames[count:]),
        "co_freevars": free,
        "co_name": code.co_name,
        "co_filename": code.co_filename,
        "co_firstlineno": code.co_firstlineno,
        "co_flags": template.co_flags & ~_KINDS | code.co_flags & _KINDS,
    }
    if opcodes().release.qualname_in_code:
        fields["co_qualname"] = code.co_qualname
    return fields


_KINDS = GENERATORS | 0x100  # CO_ITERABLE_COROUTINE


def _without_box(
    template: CodeType, calls: dict[int, Any], more: tuple[Any, ...], fields: dict[str, Any]
) -> CodeType:
    """Return the template with constants instead of the free variables behind those in `fields`."""
    known = opcodes()
    ops, args = template.co_code[::2], template.co_code[1::2]
    free = len(fields["co_freevars"])
    base = free_base(template) + free
    consts = [*fields.pop("co_consts", template.co_consts)]
    where = {base + index: len(consts) + at for at, index in enumerate(calls)}
    consts += [*calls.values(), *more]
    edits = [
        (start, at + 1, instruction(known.load_const, where[slot]))
        for start, at, slot in found(ops, args, known.load_deref)
        if slot in where
    ]
    head = None
    if known.copy_free_vars >= 0:
        head = (0, copying_units(ops), instruction(known.copy_free_vars, free) if free else b"")
    return apply(template, edits, head, co_consts=tuple(consts), **fields)


def _dispatcher(
    func: FunctionType, code: CodeType, box_of: Callable[[], Any], mark: Guarded, asked: str
) -> CodeType:
    """Return code of a generator's or coroutine's kind, which calls the box's function or one of its own code."""
    qualname = getattr(code, "co_qualname", func.__qualname__)
    named = func.__name__ != code.co_name or func.__qualname__ != qualname
    free = code.co_freevars
    template = dispatching(shape_of(code), code.co_flags & GENERATORS, len(free), named, asked)
    consts = [
        code if type(const) is type(code) else func.__qualname__ if _is_lambda(const) else const
        for const in template.co_consts
    ]
    fields = _head(code, template, free)
    fields["co_consts"] = consts
    # the free variables of the template that are used stand behind the function's
    present = template.co_freevars[len(free) :]
    calls = dict(enumerate([box_of, _Named(func.__name__, func.__qualname__)][: len(present)], len(free)))
    fields["co_flags"] |= code.co_flags & NESTED
    return _without_box(template, {index - len(free): call for index, call in calls.items()}, (mark,), fields)


def _is_lambda(const: object) -> bool:
    return type(const) is str and const.endswith("<lambda>")


class _Named:
    """A callable that gives a function its name, which its code does not say."""

    __slots__ = ("name", "qualname")

    def __init__(self, name: str, qualname: str) -> None:
        self.name = name
        self.qualname = qualname

    def __call__(self, func: FunctionType) -> FunctionType:
        func.__name__ = self.name
        func.__qualname__ = self.qualname
        return func


def _with_guard(code: CodeType, box_of: Callable[[], Any], mark: Guarded, asked: str) -> CodeType:
    """Return the code with a guard where each call comes by once: at its start, or behind RESUME."""
    known = opcodes()
    template = guarding(shape_of(code), asked)
    host = _Host(code, template, box_of)
    start = _entry(template)
    pieces = [piece for piece in decoded(template) if piece.offset >= 2 * start]
    jump = next(at for at, piece in enumerate(pieces) if piece.number in known.jumps)
    end = max(at for at, piece in enumerate(pieces) if piece.number == known.load_deref)
    head = b"".join(map(host.instruction, pieces[:jump]))
    tail = b"".join(map(host.instruction, pieces[jump + 1 : end]))
    at = _entry(code)
    test = head + _jump(pieces[jump].number, at, len(head) // 2, len(tail) // 2)
    return enter(
        code,
        at,
        test + tail,
        len(test) // 2,
        co_consts=(*host.consts, mark),
        co_names=tuple(host.names),
        co_stacksize=max(code.co_stacksize, template.co_stacksize),
    )


def _entry(code: CodeType) -> int:
    """Return the code unit behind RESUME, or the first one where there is no such instruction."""
    known = opcodes()
    if known.resume < 0:
        return 0
    ops = code.co_code[::2]
    at = ops.find(known.resume)
    if at < 0:
        raise _unsupported(code, "it has no RESUME")
    return at + 1 + known.caches[known.resume]


def _unsupported(code: CodeType, reason: str) -> UnsupportedCodeError:
    msg = (
        f"{code!r} cannot be changed for one context: {reason}; only a function that CPython compiled can be"
    )
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)


def _jump(number: int, at: int, ahead: int, over: int) -> bytes:
    """Return a jump over so many units; `at` units and `ahead` more stand before it."""
    known = opcodes()
    caches = known.caches[number]
    units = 1
    while True:
        step = over if known.jumps[number] else at + ahead + units + caches + over
        raw = instruction(number, 2 * step // known.release.jump_unit)
        if len(raw) == 2 * units:
            return raw + bytes(2 * caches)
        units = len(raw) // 2


class _Host:
    """The code that gets a guard, into which instructions of the template are put."""

    def __init__(self, code: CodeType, template: CodeType, box_of: Callable[[], Any]) -> None:
        self._code = code
        self._template = template
        self.consts: list[Any] = [*code.co_consts, box_of]
        self._box = len(code.co_consts)
        self.names = [*code.co_names]

    def instruction(self, piece: Instruction) -> bytes:
        """Return the units of an instruction of the template, with its caches."""
        known, release, template = opcodes(), opcodes().release, self._template
        _, name, number, argument, _ = piece
        caches = bytes(2 * known.caches[number])
        if number == known.load_deref:
            return instruction(known.load_const, self._box)
        if name in release.const_opcodes:
            self.consts.append(template.co_consts[argument])
            return instruction(number, len(self.consts) - 1) + caches
        if name in release.name_shift:
            shift = release.name_shift[name]
            index = self._name(template.co_names[argument >> shift])
            return instruction(number, index << shift | argument & (1 << shift) - 1) + caches
        if name in release.local_opcodes:
            return self._load(number, argument)
        if name in release.local_pair_opcodes:
            first, second = argument >> 4, argument & 15
            if not (self._is_cell(first) or self._is_cell(second)):
                return instruction(number, argument)
            single = known.closure_pairs[number]
            return self._load(single, first) + self._load(single, second)
        return instruction(number, argument) + caches

    def _name(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _is_cell(self, slot: int) -> bool:
        return self._code.co_varnames[slot] in self._code.co_cellvars

    def _load(self, number: int, slot: int) -> bytes:
        if not self._is_cell(slot):
            return instruction(number, slot)
        code, known = self._code, opcodes()
        if not known.release.unified_locals:
            slot = code.co_cellvars.index(code.co_varnames[slot])
        return instruction(known.load_deref, slot)
