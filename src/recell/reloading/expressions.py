"""Assignments that can be evaluated without running anybody's code: of constants, and of names that mean such."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

from recell.reloading.constants import is_constant
from recell.reloading.executing import find
from recell.reloading.journal import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recell.reloading.statements import Statement
    from recell.reloading.work import Work

__all__ = ["evaluated"]

_PARTS: tuple[type[ast.AST], ...] = (
    ast.Constant,
    ast.Name,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Tuple,
    ast.Subscript,
    ast.Slice,
    ast.Load,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)
_SLOW: tuple[type[ast.AST], ...] = (ast.Pow, ast.LShift)


def evaluated(work: Work, path: str, statement: Statement, scopes: Sequence[Mapping[str, Any]]) -> Any:
    """Return what an assignment to one name would bind now; ABSENT where that cannot be told without running code.

    Args:
        work: the reload under way.
        path: the class that it stands in; empty for the module.
        statement: the statement.
        scopes: where its names are looked up, the innermost first; then the builtins.
    """
    nodes = find(work, path, statement).nodes
    node = nodes[0] if len(nodes) == 1 else None
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return ABSENT
    if isinstance(node, ast.Assign) and len(node.targets) != 1:
        return ABSENT
    value = node.value
    names: dict[str, Any] = {"__builtins__": {}}
    for one in ast.walk(value) if value is not None else ():
        if not isinstance(one, (*_PARTS, getattr(ast, "Index", ast.Load))) or isinstance(one, _SLOW):
            return ABSENT
        if isinstance(one, ast.Name):
            names[one.id] = next(
                (scope[one.id] for scope in (*scopes, vars(builtins)) if one.id in scope), ABSENT
            )
            if not is_constant(names[one.id]):
                return ABSENT
    if value is None:
        return ABSENT
    try:
        return eval(compile(ast.Expression(value), work.filename, "eval", dont_inherit=True), names)
    except Exception:  # noqa: BLE001 - it will raise where it runs
        return ABSENT
