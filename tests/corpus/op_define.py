"""`define` on the source text of real functions: the code that the compiler makes of the whole module.

From 3.11 on the compiler has another way to call `name.attribute()` where the module imports the name, and both do the
same: the module is then compiled with assignments in place of its imports.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
import types
from pathlib import Path

import recell

from . import Operation, Refused

ITERABLE_COROUTINE = 0x100  # what `types.coroutine` sets
METHOD = 0x8000000  # CO_METHOD, 3.14+: stands directly in a class body
NESTED = 0x10


def text_of(func: types.FunctionType) -> str:
    """The function's own text; a lambda's is cut out of the statement that it stands in."""
    code = func.__code__
    try:
        lines = inspect.getsourcelines(code)[0]
    except (OSError, TypeError, SyntaxError, IndexError) as error:
        raise Refused(f"no source: {type(error).__name__}") from None
    text = "".join(lines)
    if func.__name__ == "<lambda>" or code.co_name == "<lambda>":
        return lambda_text(func)
    return text


def lambda_text(func: types.FunctionType) -> str:
    code = func.__code__
    every = "".join(linecache.getlines(code.co_filename))
    found = [
        node
        for node in ast.walk(ast.parse(every))
        if isinstance(node, ast.Lambda)
        and min([node.lineno, node.body.lineno]) == code.co_firstlineno
        and [arg.arg for arg in node.args.args] == list(code.co_varnames[: code.co_argcount])
    ]
    if len(found) != 1:
        raise Refused("several lambdas in one line")
    return "(" + (ast.get_source_segment(every, found[0]) or "") + "\n)"


def class_of(func: types.FunctionType) -> str | None:
    """The class whose name mangling counts for a function, by its qualified name."""
    qualname: str = getattr(func.__code__, "co_qualname", func.__qualname__)
    for place in reversed(qualname.split(".<locals>.")):
        owner = place.rpartition(".")[0].rpartition(".")[2]
        if owner:
            return owner
    return None


def same(one: types.CodeType, other: types.CodeType, path: str = "", moved: bool = False) -> None:
    """Equal but for file name, qualified name, and what depends on standing in a class."""
    for field in (
        "co_name co_argcount co_posonlyargcount co_kwonlyargcount co_nlocals co_stacksize co_code co_names co_varnames "
        "co_freevars co_cellvars co_exceptiontable"
    ).split():
        first, second = getattr(one, field, None), getattr(other, field, None)
        assert first == second, f"{path}{field}: {first!r} became {second!r}"
    ignored = METHOD | (NESTED | ITERABLE_COROUTINE if not path else 0)
    assert (one.co_flags | ignored) == (other.co_flags | ignored), (
        f"{path}: {one.co_flags:#x} {other.co_flags:#x}"
    )
    assert lines_in(one) == lines_in(other), f"{path}lines"
    assert one.co_firstlineno == other.co_firstlineno, f"{path}first line"
    if hasattr(one, "co_positions") and not moved:
        columns = [position[2:] for position in one.co_positions()]
        assert columns == [position[2:] for position in other.co_positions()], f"{path}columns"
    assert len(one.co_consts) == len(other.co_consts), path
    for before, after in zip(one.co_consts, other.co_consts):
        assert type(before) is type(after), f"{path}{before!r} became {after!r}"
        if isinstance(before, types.CodeType):
            same(before, after, f"{path}{before.co_name}.", moved)
        elif not (isinstance(before, str) and "<locals>" in before) and not is_qualname(before, after):
            assert repr(before) == repr(after) or before == after, f"{path}{before!r} became {after!r}"


def is_qualname(before: object, after: object) -> bool:
    """Two texts that name the same place: in a nested class, and before 3.11 for each nested function."""
    return isinstance(before, str) and isinstance(after, str) and before.endswith(after.rpartition(".")[2])


def lines_in(code: types.CodeType) -> list[int]:
    if hasattr(code, "co_lines"):
        return [line for _, _, line in code.co_lines() if line is not None]
    import dis

    return [line for _, line in dis.findlinestarts(code)]


class Anything:
    """What a default value or an annotation finds under a name that only its class body, or outer function, knows."""

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: object, **kwargs: object) -> Anything:
        return self

    __getitem__ = __or__ = __ror__ = __add__ = __radd__ = __sub__ = __mul__ = __neg__ = __call__

    def __iter__(self):
        return iter(())

    def __mro_entries__(self, bases: object) -> tuple[()]:
        return ()


class Namespace(dict):
    """A module's globals, in which every other name means something too."""

    def __missing__(self, name: str) -> object:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return Anything()


def keep(func: object) -> object:
    return func


def without_decorators(text: str) -> str:
    """The text with each decorator replaced by one that does nothing, lines and columns of the rest kept."""
    lines = text.splitlines(keepends=True)
    margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    tree = ast.parse("if 1:\n" + text if margin else text)
    node = tree.body[0].body[0] if margin else tree.body[0]
    down = 2 if margin else 1
    for decorator in node.decorator_list:
        first, last = decorator.lineno - down, decorator.end_lineno - down
        lines[first] = f"{margin}@_keep\n"
        for number in range(first + 1, last + 1):
            lines[number] = "\n"
    return "".join(lines)


def defined_again(func: types.FunctionType) -> None:
    """The text of a function, defined with its closure, globals and class, gives the same code."""
    code = func.__code__
    is_lambda = code.co_name == "<lambda>"
    text = text_of(func) if is_lambda else without_decorators(text_of(func))
    text = (
        "\n" * (code.co_firstlineno - 1) + text
    )  # the line of a class in it is a constant of its body (3.13+)
    namespace = Namespace(func.__globals__, _keep=keep)
    closure = recell.closure(func).cells if code.co_freevars else None

    def define() -> types.CodeType:
        made = recell.define(text, globals=namespace, closure=closure, class_name=class_of(func))
        assert made.__globals__ is namespace
        return made.__code__

    try:
        again = define()
    except NameError as error:  # a module that deleted what its own default values use
        raise Refused(f"a default value cannot be evaluated: {type(error).__name__}") from error
    assert again.co_filename != code.co_filename
    try:
        same(code, again, moved=is_lambda)
    except AssertionError as error:
        if func.__globals__["__name__"] == "__future__":
            raise Refused("the module of the future's names itself") from error
        # `_safe_super = super`: gh-103497
        if func.__module__ == "unittest.mock" and "super" in code.co_names:
            raise Refused("a module that reads `super` outside its functions") from error
        if imports_of(code.co_filename) & {*names_read(code)}:
            raise Refused("a name that a function imports for the whole module") from error
        same(compiled_without_imports(code), again, moved=is_lambda)


def names_imported(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return []


def names_read(code: types.CodeType) -> set[str]:
    """The global names and attributes of a code object and of those in it."""
    nested = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return {*code.co_names}.union(*[names_read(const) for const in nested])


@functools.lru_cache(maxsize=8)
def parsed(filename: str) -> ast.Module:
    return ast.parse("".join(linecache.getlines(filename)))


@functools.lru_cache(maxsize=None)
def imports_of(filename: str) -> set[str]:
    """The module's own names that its functions import (`global name` and `import name`)."""
    found: set[str] = set()
    for node in ast.walk(parsed(filename)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = [*ast.walk(node)]
            declared = {name for inner in inside if isinstance(inner, ast.Global) for name in inner.names}
            found.update(name for inner in inside for name in names_imported(inner) if name in declared)
    return found


class WithoutImports(ast.NodeTransformer):
    """A module that assigns the names which it imports; functions and classes stay as they are."""

    def visit_FunctionDef(self, node: ast.AST) -> ast.AST:
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        if getattr(node, "module", None) == "__future__":
            return node
        targets = [ast.Name(id=name, ctx=ast.Store()) for name in names_imported(node) if name != "*"]
        new = ast.Assign(targets=targets, value=ast.Constant(value=None)) if targets else ast.Pass()
        return ast.fix_missing_locations(ast.copy_location(new, node))

    visit_ImportFrom = visit_Import


@functools.lru_cache(maxsize=8)
def codes_without_imports(filename: str) -> dict[tuple[str, int], list[types.CodeType]]:
    """All code of a file compiled so, by name and first line."""
    found: dict[tuple[str, int], list[types.CodeType]] = {}
    text = "".join(linecache.getlines(filename))
    waiting = [compile(WithoutImports().visit(ast.parse(text)), filename, "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        waiting.extend(const for const in code.co_consts if isinstance(const, types.CodeType))
    return found


def compiled_without_imports(code: types.CodeType) -> types.CodeType:
    """What the compiler makes of the same function where its module imports nothing."""
    candidates = codes_without_imports(code.co_filename)[code.co_name, code.co_firstlineno]
    [found] = [
        other
        for other in candidates
        if (other.co_varnames, other.co_names) == (code.co_varnames, code.co_names) or len(candidates) == 1
    ]
    return found


@functools.lru_cache(maxsize=None)
def is_file(name: str) -> bool:
    return Path(name).is_file()


def has_text(func: types.FunctionType) -> bool:
    """What `inspect.getsource` can give: not the code that namedtuple, dataclasses and the compiler generate."""
    code = func.__code__
    return is_file(code.co_filename) and code.co_firstlineno > 0 and code.co_name != "__annotate__"


OPERATIONS = [Operation("define", defined_again, applies=has_text, over="live", sample=150)]
