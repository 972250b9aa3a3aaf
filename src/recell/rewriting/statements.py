"""Statements compiled so that they see the variables of a function that exists already."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.code.instructions import opcodes
from recell.errors import ScopeError, SourceError, listed
from recell.rewriting.assembling import Above, halves, parts_of
from recell.rewriting.library import disassembled, library, unsupported

if TYPE_CHECKING:
    import ast

__all__ = ["Variables", "checked_condition", "checked_text", "compiled", "names_read"]


class Variables(NamedTuple):
    """The variables of a function, as the library's instructions name them."""

    locals: list[str]
    cells: list[str]
    free: list[str]
    globals: set[str]
    """Names that the function looks up as globals."""

    @classmethod
    def of(cls, items: Any) -> Variables:
        """Return the variables of a `Bytecode`."""
        release = opcodes().release
        names = dict.fromkeys(items.argnames)
        used: set[str] = set()
        for item in parts_of(list.__iter__(items)).instructions:
            if item.name in release.local_opcodes and isinstance(item.arg, str):
                names.setdefault(item.arg)
            elif item.name in release.local_pair_opcodes:
                names.update(dict.fromkeys(each for each in item.arg if isinstance(each, str)))
            elif item.name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"):
                used.add(item.arg if isinstance(item.arg, str) else item.arg[-1])
        cells, free = list(items.cellvars), list(items.freevars)
        return cls([name for name in names if name not in cells], cells, free, used)

    def with_local(self, name: str) -> Variables:
        """Return the same with a local of this name, in the place of any other variable."""
        left = [[each for each in names if each != name] for names in (self.locals, self.cells, self.free)]
        return Variables([*left[0], name], left[1], left[2], self.globals)


def checked_text(source: str, what: str = "text") -> ast.Module:
    """Return the tree of some statements. Raises SourceError for what cannot stand in the midst of a function."""
    import ast
    import textwrap

    text = textwrap.dedent(source).strip("\n")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise _source_error(
            getattr(error, "msg", str(error)), getattr(error, "lineno", 1) or 1, text, what
        ) from None
    if not tree.body:
        reason = "there is no statement in it"
        raise _source_error(reason, 1, text, what)
    for node in _own_nodes(tree):
        found = _FORBIDDEN.get(type(node).__name__)
        if found is None and getattr(node, "is_async", False):
            found = "an asynchronous comprehension"
        if found is not None:
            reason = f"{found} cannot be inserted into a function that exists"
            raise _source_error(reason, getattr(node, "lineno", 1), text, what)
    return tree


def checked_condition(text: str) -> Any:
    """Return the tree of a condition. Raises SourceError for what is no expression, or assigns or waits."""
    import ast

    tree = checked_text(text.strip(), "condition")
    statement: Any = tree.body[0]
    if len(tree.body) != 1 or not isinstance(statement, ast.Expr):
        reason = "a condition is one expression"
        raise _source_error(reason, 1, text, "condition")
    for node in ast.walk(statement):
        if type(node).__name__ == "NamedExpr":
            reason = "a condition assigns nothing"
            raise _source_error(reason, 1, text, "condition")
    return statement.value


def names_read(expression: Any) -> list[str]:
    """Return the names that an expression takes from around it."""
    import ast

    names: dict[str, None] = {}
    own: set[str] = set()
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                names.setdefault(node.id)
            else:
                own.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
    return [name for name in names if name not in own]


_FORBIDDEN = {
    "Yield": "`yield`",
    "YieldFrom": "`yield from`",
    "Await": "`await`",
    "AsyncFor": "`async for`",
    "AsyncWith": "`async with`",
    "Return": "`return`",
}


def _own_nodes(tree: Any) -> Any:
    """Yield the nodes that belong to the function itself."""
    import ast

    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _source_error(reason: str, line: int, text: str, what: str = "text") -> SourceError:
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    msg = f"the {what} cannot be compiled into the function: {reason} (line {line} of it: {shown.strip()!r})"
    error = SourceError(msg)
    error.lineno, error.offset, error.text, error.filename = line, 1, shown, "<inserted>"
    return error


def compiled(tree: ast.Module, variables: Variables, items: Any, line: int) -> list[Any]:
    """Return the library's objects for statements that stand on a line of a function.

    Args:
        tree: what `checked_text` gave.
        variables: those of the function.
        items: the function's `Bytecode`, for its names and flags.
        line: the line that the instructions are to have.

    Raises:
        ScopeError: the text assigns what the function reads as a global, or a private name's class is not known.
        UnsupportedCodeError: a nested function in the text uses a local variable that is no cell.
        SourceError: the text does not compile.
    """
    bytecode = library()
    code = _code_of(tree, variables, items, line)
    _check_assigned(code, variables, items.name)
    release = compat.require("rewriting")
    if code.co_cellvars:
        reason = (
            f"a function in the inserted text uses {listed(code.co_cellvars)}, a local variable that is no cell; "
            "pass it as a default value: `lambda x=x: …`"
        )
        raise unsupported(code, reason)
    start, end = bytecode.Label(), bytecode.Label()
    result: list[Any] = [start]
    checks = "LOAD_FAST_CHECK" in _opmap()
    shared = {*variables.locals}
    inner = disassembled(code)
    for item in list.__iter__(inner):
        if isinstance(item, bytecode.TryBegin):
            if isinstance(item.stack_depth, int):
                item.stack_depth = Above(item.stack_depth, start)
        if not isinstance(item, bytecode.Instr):
            result.append(item)
            continue
        name, where = item.name, {"location": item.location}
        if name in _PROLOGUE:
            continue
        if isinstance(item.arg, bytecode.FreeVar) and item.arg.name in variables.cells:
            item.arg = bytecode.CellVar(item.arg.name)
        if name == "RETURN_CONST":
            item = bytecode.Instr("JUMP_FORWARD", end, **where)
        elif name == "RETURN_VALUE":
            result.append(bytecode.Instr("POP_TOP", **where))
            item = bytecode.Instr("JUMP_FORWARD", end, **where)
        elif checks and name in release.local_pair_opcodes:
            for half, variable in zip(halves(name, release.local_opcodes), item.arg):
                loads = half.startswith("LOAD_FAST") and isinstance(variable, str) and variable in shared
                result.append(bytecode.Instr("LOAD_FAST_CHECK" if loads else half, variable, **where))
            continue
        elif checks and name in _PLAIN_LOADS and isinstance(item.arg, str) and item.arg in shared:
            item = bytecode.Instr("LOAD_FAST_CHECK", item.arg, **where)
        result.append(item)
    _drop_useless(result, end)
    result.append(end)
    return result


_PROLOGUE = ("COPY_FREE_VARS", "RESUME")
_PLAIN_LOADS = ("LOAD_FAST", "LOAD_FAST_BORROW")


def _opmap() -> dict[str, int]:
    from opcode import opmap

    return opmap


def _drop_useless(result: list[Any], end: Any) -> None:
    """Take away the jump to what follows anyway, and the None that was to be returned."""
    if getattr(result[-1], "arg", None) is end:
        result.pop()
        name = getattr(result[-1], "name", "")
        if name == "POP_TOP" and getattr(result[-2], "name", "") in ("LOAD_CONST", "LOAD_COMMON_CONSTANT"):
            del result[-2:]


def _code_of(tree: ast.Module, variables: Variables, items: Any, line: int) -> CodeType:
    """Return the code of a function whose body the statements are, inside one that has the cells."""
    import ast
    import copy

    names = [name for name in dict.fromkeys((*variables.free, *variables.cells)) if name.isidentifier()]
    own = [name for name in variables.locals if name.isidentifier() and name not in names]
    statements: list[Any] = copy.deepcopy(tree.body)
    outer_names = "".join(f"{name} = " for name in names)
    changeable = [name for name in names if name != "__class__"]
    text = "def outer():\n"
    if names:
        text += f"  {outer_names}None\n"
    text += f"  def inner({', '.join(own)}):\n"
    text += f"    nonlocal {', '.join(changeable)}\n" if changeable else "    pass\n"
    shell = ast.parse(text)
    inner: Any = shell.body[0].body[-1]  # type: ignore[attr-defined]
    inner.body += statements
    if not changeable:
        del inner.body[0]
    for statement in inner.body:
        for node in ast.walk(statement):
            if hasattr(node, "lineno"):
                node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
                node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    cls = _class_around(items)
    private = _private_names(tree)
    if private and cls is None:
        msg = (
            f"`{private}` in the inserted text is a private name of a class that is not known "
            "before CPython 3.11; spell it out: `_Class__name`"
        )
        raise ScopeError(msg, name=private, names=(), target=items.name)
    body: list[Any] = shell.body
    if cls:
        around: Any = ast.parse(f"class {cls}: pass")
        around.body[0].body = shell.body
        body = around.body
    module = ast.Module(body=body, type_ignores=[])
    flags = int(items.flags) & _future_flags()
    try:
        code: CodeType = compile(module, items.filename, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise _source_error(
            str(getattr(error, "msg", error)), 1, ast.unparse(tree) if hasattr(ast, "unparse") else ""
        ) from None
    for name in (cls, "outer", "inner"):
        if name:
            code = next(each for each in code.co_consts if type(each) is CodeType and each.co_name == name)
    return code


def _future_flags() -> int:
    import __future__

    return sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names[-3:])


def _private_names(tree: Any) -> str:
    """Return a name in the text that a class around it would mangle; empty where there is none."""
    import ast

    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            name = getattr(node, field, None)
            if (
                isinstance(name, str)
                and name.startswith("__")
                and not name.endswith("__")
                and "." not in name
            ):
                return name
    return ""


def _class_around(items: Any) -> str | None:
    """Return the class whose private names the function sees, empty for none; None where CPython does not say."""
    if not opcodes().release.qualname_in_code:
        return None
    parts = items.qualname.split(".")[:-1]
    while parts and parts[-1] == "<locals>":
        parts = parts[:-2]
    return parts[-1] if parts else ""


def _check_assigned(code: CodeType, variables: Variables, target: str) -> None:
    """Refuse a local that the function itself looks up as a global: each would mean another variable."""
    known = {*variables.locals, *variables.cells, *variables.free}
    for name in code.co_varnames[code.co_argcount :]:
        if name in variables.globals and name not in known:
            msg = (
                f"the inserted text assigns `{name}`, which {target} reads as a global; "
                f"write `global {name}` first, or assign another name"
            )
            raise ScopeError(msg, name=name, names=tuple(sorted(known)), target=target)
