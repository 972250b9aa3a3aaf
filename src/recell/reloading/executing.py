"""Statements of the new text, executed apart: found in its syntax tree, compiled, and run where they belong."""

from __future__ import annotations
import __future__

import ast
from bisect import bisect_right
from collections.abc import MutableMapping
from functools import reduce
from operator import or_
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY, make_cell
from recell.code.tree import is_generic
from recell.reloading.journal import ABSENT
from recell.reloading.statements import OTHER, is_class, is_kept, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recell.reloading.statements import Statement
    from recell.reloading.work import Work

__all__ = ["Found", "class_around", "execute", "execute_definition", "find", "run_nodes"]

_FUTURE = reduce(or_, [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names])

_DEFINED = (FunctionType, type)
_BRANCHING: tuple[type[ast.stmt], ...] = (
    ast.If,
    ast.For,
    ast.While,
    ast.Try,
    ast.With,
    getattr(ast, "TryStar", ast.Try),
    getattr(ast, "Match", ast.If),
)
_NOT_MAIN = "__mp_main__"  # what multiprocessing calls a `__main__` that is not to run
_HOOK = "<made>"  # no identifier: no text can mean it
_FALLBACK_NOT = frozenset(
    (
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__classcell__",
        "__classdictcell__",
        "__conditional_annotations__",
        "__dict__",
        "__weakref__",
    )
)


class Found:
    """The nodes of a statement, and the classes around them, outermost first."""

    __slots__ = ("classes", "nodes")
    nodes: list[ast.stmt]
    classes: list[ast.ClassDef]

    def __init__(self, nodes: list[ast.stmt], classes: list[ast.ClassDef]) -> None:
        self.nodes, self.classes = nodes, classes


def _first_line(node: ast.stmt) -> int:
    lines: list[int] = [node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]
    return min(lines)


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _binds(node: ast.stmt) -> set[str]:
    """The names that a statement binds or deletes, roughly: also those of functions in it."""
    found = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            found.add(one.id)
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(one.name)
        elif isinstance(one, ast.alias):
            found.add(one.asname or one.name.partition(".")[0])
        elif isinstance(one, ast.ExceptHandler) and one.name:
            found.add(one.name)
    return found


def find(work: Work, path: str, statement: Statement) -> Found:
    """Find the nodes of a statement in the new text.

    Args:
        work: the reload under way.
        path: the class that it stands in; empty for the module.
        statement: the statement.
    """
    lines = statement.lines
    if not lines:
        return Found([], [])
    first, body, classes = min(lines), work.syntax().body, []
    for name in path.split(".") if path else ():
        inside = next((one for one in _classes(body, first) if one.name == name), None)
        if inside is None:
            return Found([], [])
        classes.append(inside)
        body = inside.body
    nodes = _at_lines(work, body, lines)
    if len(nodes) > 1 and statement.kind == OTHER:  # several on one line
        names = {name.rpartition("__")[2] if name[:1] == "_" else name for name in statement.names}
        fitting = [one for one in nodes if names & {name.rpartition("__")[2] or name for name in _binds(one)}]
        nodes = fitting or nodes
    elif len(nodes) > 1:
        nodes = [one for one in nodes if getattr(one, "name", None) == _unmangled(statement)] or nodes
    return Found(nodes, classes)


def _at_lines(work: Work, body: list[ast.stmt], lines: set[int]) -> list[ast.stmt]:
    """The nodes of a body that stand on some of these lines."""
    starts = work.starts.get(id(body))
    if starts is None:
        starts = work.starts[id(body)] = list(map(_first_line, body))
    found: set[int] = set()
    for line in lines:
        at = bisect_right(starts, line) - 1
        while at >= 0 and _last_line(body[at]) >= line:
            found.add(at)
            at -= 1
    return [body[at] for at in sorted(found)]


def class_around(work: Work, path: str) -> list[ast.ClassDef] | None:
    """Find the classes that a path leads through, the last of each name; None where there is none."""
    body, classes = work.syntax().body, []
    for name in path.split("."):
        found = [
            one
            for top in body
            for one in ([top] if isinstance(top, ast.ClassDef) else ast.walk(top))
            if isinstance(one, ast.ClassDef) and one.name == name
        ]
        if not found:
            return None
        classes.append(found[-1])
        body = found[-1].body
    return classes


def _unmangled(statement: Statement) -> str | None:
    return None if statement.code is None else statement.code.co_name


def _classes(body: Sequence[ast.stmt], line: int) -> list[ast.ClassDef]:
    """The classes of a body that a line belongs to, also those under `if` and the like."""
    found = []
    for top in body:
        if _first_line(top) <= line <= _last_line(top):
            inside = [top] if isinstance(top, ast.ClassDef) else ast.walk(top)
            found += [
                one
                for one in inside
                if isinstance(one, ast.ClassDef) and _first_line(one) <= line <= _last_line(one)
            ]
    return found


def _as_in_whole(work: Work, code: CodeType) -> CodeType:
    """The code with the functions in it as the whole text compiles them: a part may come out otherwise (3.12+)."""
    if work.whole_codes is None:
        work.whole_codes = {}
        waiting = [work.code]
        for outer in waiting:
            inside = nested(outer)
            waiting += inside
            for one in inside:
                work.whole_codes.setdefault((one.co_name, one.co_firstlineno), []).append(one)
    return _exchanged(work.whole_codes, code)


def _exchanged(known: dict[tuple[str, int], list[CodeType]], code: CodeType) -> CodeType:
    constants = []
    value: Any
    for value in code.co_consts:
        if type(value) is CodeType:
            there = known.get((value.co_name, value.co_firstlineno), [])
            alone = len(there) == 1 and is_kept(value) and there[0].co_freevars == value.co_freevars
            value = there[0] if alone else _exchanged(known, value)
        constants.append(value)
    return code.replace(co_consts=tuple(constants))


class _Members(dict):  # type: ignore[type-arg]
    """Bindings of a class's body when some of its statements run again; names that it only reads are the class's."""

    def __init__(self, cls: type) -> None:
        self._own = vars(cls)

    def __missing__(self, name: str) -> Any:
        if name in _FALLBACK_NOT:
            raise KeyError(name)
        return self._own[name]


class _Stores(MutableMapping):  # type: ignore[type-arg]
    """A module's namespace that notes which names a statement binds, were it to the same objects again."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.bound: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        return self.namespace[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.namespace[name] = value
        self.bound.add(name)

    def __delitem__(self, name: str) -> None:
        del self.namespace[name]
        self.bound.discard(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.namespace)

    def __len__(self) -> int:
        return len(self.namespace)


def run_nodes(work: Work, found: Found, cls: type | None, into: Any = None) -> Any:
    """Run statements as the text would; return where they bound their names.

    Those of a module run in its namespace; those of a class in a namespace that falls back on the class's.

    Args:
        work: the reload under way.
        found: the nodes.
        cls: the class.
        into: a namespace for the names, for the module's own statements.
    """
    flags = work.code.co_flags & _FUTURE
    nodes = [_without_annotation(one) for one in found.nodes]
    inner: list[ast.stmt] = nodes
    for around in reversed(found.classes):
        fields = {name: getattr(around, name) for name in around._fields if hasattr(around, name)}
        fields.update(bases=[], keywords=[], body=inner, decorator_list=[])
        wrapped = ast.ClassDef(**fields)
        inner = [ast.copy_location(wrapped, around)]
    code = compile(ast.Module(inner, []), work.filename, "exec", flags, True)
    for around in found.classes:
        code = _class_in(code, around.name)
    code = _as_in_whole(work, code)
    if cls is None:
        exec(code, work.namespace, work.namespace if into is None else into)
        return work.namespace if into is None else into
    members = _Members(cls)
    if code.co_freevars:  # type parameters of the class (PEP 695)
        parameters = getattr(cls, "__type_params__", ())
        known: dict[str, Any] = {one.__name__: one for one in parameters}
        known[".type_params"] = parameters
        closure = tuple(make_cell(known.get(name, EMPTY)) for name in code.co_freevars)
        exec(code, work.namespace, members, closure=closure)  # type: ignore[call-arg, unused-ignore]
    else:
        exec(code, work.namespace, members)
    cell = members.pop("__classcell__", None)
    if cell is not None:
        cell.cell_contents = cls
    members.pop("__classdictcell__", None)
    return members


def _class_in(code: CodeType, name: str) -> CodeType:
    """The code of a class that a code makes, perhaps in the scope of its type parameters."""
    for one in nested(code):
        if one.co_name == name and is_class(one):
            return one
    return next(_class_in(one, name) for one in nested(code) if is_generic(one))


def _without_annotation(node: ast.stmt) -> ast.stmt:
    """`x: int = 1` as `x = 1`: annotations are followed as a whole."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value, type_comment=None), node)
    return node


def execute(
    work: Work, statement: Statement, found: Found, cls: type | None
) -> tuple[dict[str, Any], set[str]] | None:
    """Run a statement; return what it bound to something else, with `ABSENT` for names that it deleted, and those of
    its names that it did not bind this time.

    The module's own names are put back: the caller binds them. None where it has run already, with another statement
    of its line.
    """
    fresh = [one for one in found.nodes if id(one) not in work.executed]
    work.executed.update(map(id, fresh))
    if not fresh:
        return None
    found = Found(fresh, found.classes)
    if cls is not None:
        members = run_nodes(work, found, cls)
        bound = {name: value for name, value in dict.items(members) if name not in _FALLBACK_NOT}
        return bound, set(statement.names) - members.keys()
    namespace, names = work.namespace, set(statement.names)
    every = statement.imports is not None and ("*", "*") in statement.imports.names
    before = dict(namespace)
    made: dict[str, Any] = {}
    main = work.name == "__main__" and "__name__" in statement.loads
    if main:  # the program under `if __name__ == "__main__"` runs already
        namespace["__name__"] = before["__name__"] = _NOT_MAIN
    stores = _Stores(namespace) if any(isinstance(one, _BRANCHING) for one in fresh) else None
    try:
        run_nodes(work, found, None, stores)
    finally:
        if main:
            namespace["__name__"] = before["__name__"] = "__main__"
        for name, value in list(namespace.items()):
            was = before.get(name, ABSENT)
            # what else changed meanwhile is the program's: other threads run on
            if value is not was and (every or was is ABSENT or name in names or isinstance(value, _DEFINED)):
                made[name] = value
        made.update((name, ABSENT) for name in before if name not in namespace)
        for name in made:
            if before.get(name, ABSENT) is ABSENT:
                del namespace[name]
            else:
                namespace[name] = before[name]
    return made, set() if stores is None else names - stores.bound - made.keys()


def execute_definition(
    work: Work,
    statement: Statement,
    found: Found,
    cls: type | None,
    skip: int,
    hook: Callable[[Any], Any] | None,
) -> Any:
    """Run a `def` or `class` without its outermost decorators; return what it makes.

    Args:
        work: the reload under way.
        statement: the statement.
        found: its node.
        cls: the class that it stands in.
        skip: so many decorators do not run.
        hook: is handed what the `def` itself makes, and gives what the innermost decorator gets.
    """
    (node,) = found.nodes
    work.executed.add(id(node))
    decorators = list(node.decorator_list[skip:])  # type: ignore[attr-defined]
    at = node.decorator_list[-1] if node.decorator_list else node  # type: ignore[attr-defined]
    if hook is not None:
        decorators.append(ast.copy_location(ast.Name(_HOOK, ast.Load()), at))
    fields: dict[str, Any] = {name: getattr(node, name) for name in node._fields if hasattr(node, name)}
    fields["decorator_list"] = decorators
    copied: Any = ast.copy_location(type(node)(**fields), node)
    namespace, name = work.namespace, statement.names[0]
    before = namespace.get(name, ABSENT)
    if hook is not None:
        namespace[_HOOK] = hook
    try:
        return run_nodes(work, Found([copied], found.classes), cls)[name]
    finally:
        namespace.pop(_HOOK, None)
        if cls is None:
            if before is ABSENT:
                namespace.pop(name, None)
            else:
                namespace[name] = before
