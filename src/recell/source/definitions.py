"""The one definition in a text: found, taken as it is where it stands by itself, and its head read."""

from __future__ import annotations

import re
from types import CodeType
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from recell.source.textlines import problem, several

if TYPE_CHECKING:
    import ast

    Defaults = Tuple[Optional[Tuple[Any, ...]], Optional[Dict[str, Any]]]

__all__ = ["only_definition", "reads", "ready_defaults", "stands_alone"]

# no statement begins with a closing bracket; a line of a string may begin with anything, and is in doubt
_AT_MARGIN = re.compile(r"^[^\s#)\]}]\w*", re.MULTILINE)


def stands_alone(text: str) -> bool:
    """Return whether a text is one `def` at the left margin and plainly nothing else; in doubt, the tree tells."""
    if "\f" in text or "\r" in text or "global " in text:  # the function's own name may be a global one
        return False
    *before, last = _AT_MARGIN.findall(text) or [""]
    for word in before:
        if word[0] != "@":
            return False
    return last in ("def", "async")


def only_definition(
    tree: ast.Module, text: str, filename: str
) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda:
    """The one definition of a text: a `def`, an `async def`, or a lambda, alone or assigned to a name."""
    import ast

    found: list[Any] = []
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append(statement)
        elif isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)) and isinstance(
            statement.value, ast.Lambda
        ):
            found.append(statement.value)
        elif (
            (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")
            or isinstance(statement, ast.Pass)
            or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        ):
            continue
        else:
            what = "a class" if isinstance(statement, ast.ClassDef) else "another statement"
            msg = f"the text must define one function and nothing else, and it holds {what}"
            if isinstance(statement, ast.Expr) and len(tree.body) == 1:
                msg = "the text is an expression and no lambda; define takes a `def`, an `async def` or a lambda"
            raise problem(msg, text, filename, statement.lineno, statement.col_offset + 1)
    if not found:
        msg = "the text defines no function; define takes a `def`, an `async def` or a lambda"
        raise problem(msg, text, filename)
    if len(found) > 1:
        raise several([(getattr(node, "name", "<lambda>"), node.lineno) for node in found], text, filename)
    return found[0]  # type: ignore[no-any-return]


def reads(code: CodeType, name: str) -> bool:
    """Return whether a code object, or one nested in it, has a name among its global names and attributes."""
    if name in code.co_names:
        return True
    for const in code.co_consts:
        if type(const) is CodeType and reads(const, name):
            return True
    return False


def ready_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Defaults | None:
    """Defaults and keyword defaults of a `def` whose head is constants only; None where something in it has to run."""
    import ast

    arguments = node.args
    if node.decorator_list or node.returns is not None or getattr(node, "type_params", None):
        return None
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    for argument in every:
        if argument is not None and argument.annotation is not None:
            return None
    for value in (*arguments.defaults, *arguments.kw_defaults):
        if value is not None and type(value) is not ast.Constant:
            return None
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults)
    given: Any = {name.arg: value.value for name, value in keyword if type(value) is ast.Constant}
    positional: Any = [value.value for value in arguments.defaults if type(value) is ast.Constant]
    return tuple(positional) or None, given or None
