"""`recell inspect MODULE:NAME`: a function's closure as a tree, as JSON, or as a graph for Graphviz.

Nothing in the output makes a terminal do anything: what cannot be printed is shown escaped.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, TextIO, Tuple

from recell.callables import functions_in
from recell.cells import closure, contents_of, is_empty, owners_of_all
from recell.code.guarded import own_code
from recell.errors import harmless, short
from recell.flags import is_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    Form = Literal["tree", "json", "dot"]

__all__ = ["Graph", "draw_dot", "draw_tree", "explore", "resolve", "run_inspect", "to_data"]

DEPTH = 4  # functions inside cells of functions inside cells … are shown this far
_EXPECTED = (ValueError, ImportError, AttributeError, TypeError)


class Graph(NamedTuple):
    """The functions reachable from one through its cells, and who else holds those cells."""

    roots: Tuple[FunctionType, ...]
    functions: Dict[int, FunctionType]
    cells: Dict[int, CellType]
    owners: Dict[int, Tuple[FunctionType, ...]]
    """For each cell's id, every living function that holds it."""


def resolve(target: str) -> object:
    """The object that `package.module:name.attribute` names.

    Raises ValueError where the text has no colon, ImportError and AttributeError as import and access do.
    """
    from importlib import import_module

    module_name, colon, path = target.partition(":")
    if not colon or not path:
        msg = f"{target!r} names no function; write MODULE:NAME, as in json.decoder:JSONDecoder.decode"
        raise ValueError(msg)
    if "<locals>" in path:
        msg = f"{target!r} exists only while its outer function runs; give what that returns a name in the module"
        raise ValueError(msg)
    found: Any = import_module(module_name)
    for step in path.split("."):
        # what a class keeps for a name (a property, a staticmethod) is meant, not what access makes of it
        own: Dict[str, Any] = dict(vars(found)) if isinstance(found, type) else {}
        found = own[step] if step in own else getattr(found, step)
    return found


def explore(obj: Any) -> Graph:
    """The functions in an object (for a class, those in its namespace), and those in their cells.

    Raises TypeError where there are none.
    """
    roots = functions_in(obj)
    if not roots and isinstance(obj, type):
        inside = [found for value in vars(obj).values() for found in functions_in(value)]
        roots = tuple({id(found): found for found in inside}.values())  # an alias is the same function
    if not roots:  # an lru_cache around a function, for example
        roots = functions_in(getattr(obj, "__wrapped__", None))
    if not roots:
        from recell.callables import refusal

        raise refusal(obj, "inspect", single=False)
    functions: Dict[int, FunctionType] = {}
    cells: Dict[int, CellType] = {}
    level: List[FunctionType] = list(roots)
    for _ in range(DEPTH):
        level = [function for function in level if id(function) not in functions]
        functions.update((id(function), function) for function in level)
        found_cells = [cell for function in level for cell in closure(function).cells.values()]
        cells.update((id(cell), cell) for cell in found_cells)
        level = [
            inside
            for cell in found_cells
            if not is_empty(cell)
            for inside in functions_in(cell.cell_contents)
        ]
    owners: Dict[int, List[FunctionType]] = {key: [] for key in cells}
    for owner in owners_of_all(cells.values()):
        for cell in owner.__closure__ or ():
            if id(cell) in owners:
                owners[id(cell)].append(owner)
    return Graph(roots, functions, cells, {key: tuple(found) for key, found in owners.items()})


def title(function: FunctionType) -> str:
    """Return `module.qualname`, as a person looks for it."""
    return harmless(f"{function.__module__}.{function.__qualname__}")


def place(function: FunctionType) -> str:
    """Return `file:line` of the definition."""
    return harmless(f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}")


def free_variables(function: FunctionType) -> Dict[str, CellType]:
    """Return the cells by name; code made by a program may call a variable anything."""
    return {harmless(name): cell for name, cell in closure(function).cells.items()}


def nested(code: CodeType) -> List[CodeType]:
    """Return the functions that a code object makes, those in its classes and comprehensions too."""
    found: List[CodeType] = []
    for const in code.co_consts:
        if type(const) is CodeType:
            made = is_function(const) and (const.co_name[:1] != "<" or const.co_name == "<lambda>")
            found += [const] if made else nested(const)
    return found


def named(names: Iterable[str]) -> str:
    """Return names as a list for a person."""
    return ", ".join(map(harmless, names))


def others(graph: Graph, cell: CellType, function: FunctionType) -> List[str]:
    """Return the titles of the functions that share a cell with one, sorted, with their count where several."""
    names = sorted(title(owner) for owner in graph.owners[id(cell)] if owner is not function)
    return [
        f"{name} ({names.count(name)} of them)" if names.count(name) > 1 else name
        for name in sorted({*names})
    ]


def value_of(cell: CellType) -> str:
    """Return the contents as shown, `<empty>` where there are none."""
    return short(contents_of(cell), 70)


def draw_tree(graph: Graph) -> Iterator[str]:
    """Return the lines of a tree: each free variable, its value, who shares its cell, and the functions in it."""
    drawn: set[int] = set()

    def branch(function: FunctionType, indent: str) -> Iterator[str]:
        drawn.add(id(function))
        cells = free_variables(function)
        if not cells:
            yield f"{indent}`- no free variables"
        for position, (name, cell) in enumerate(cells.items(), 1):
            last = position == len(cells)
            yield f"{indent}{'`-' if last else '|-'} {name} = {value_of(cell)}"
            deeper = indent + ("   " if last else "|  ")
            shared = others(graph, cell, function)
            if shared:
                yield f"{deeper}   shared with {', '.join(shared)}"
            inside = () if is_empty(cell) else functions_in(cell.cell_contents)
            for found in inside:
                if id(found) in drawn:
                    yield f"{deeper}`- {title(found)}, see above"
                elif id(found) in graph.functions and found.__closure__:
                    yield f"{deeper}`- {title(found)}  ({place(found)})"
                    yield from branch(found, deeper + "   ")

    for root in graph.roots:
        yield f"{title(root)}  ({place(root)})"
        yield from branch(root, "")
        yield from scope_lines(root)
        if own_code(root).co_cellvars:
            yield f"cell variables: {named(own_code(root).co_cellvars)}"
        yield from nested_lines(own_code(root), "")


def nested_lines(code: CodeType, indent: str) -> Iterator[str]:
    """Return the lines of the functions that a function makes when it is called, and those that they make."""
    inside = nested(code)
    for position, made in enumerate(inside, 1):
        last = position == len(inside)
        uses = f", uses {named(made.co_freevars)}" if made.co_freevars else ""
        yield f"{indent}{'`-' if last else '|-'} makes {harmless(made.co_name)} (line {made.co_firstlineno}){uses}"
        yield from nested_lines(made, indent + ("   " if last else "|  "))


def scope_lines(function: FunctionType) -> Iterator[str]:
    """Tell what the other names in a function and its nested functions mean, where this release's opcodes are known."""
    from recell import compat

    if compat.find() is None:
        return
    from recell.scopes.scope import scope

    found = scope(function)
    for word, names in (("globals", found.globals), ("builtins", found.builtins)):
        if names:
            yield f"{word}: {named(sorted(names))}"
    for word, unvalued in (("unbound", found.unbound), ("assigned", found.assigned)):
        if unvalued:
            yield f"{word}: {named(sorted(unvalued))}"


def to_data(graph: Graph) -> Dict[str, Any]:
    """Return the graph as plain data for JSON; functions and cells are numbered."""
    function_number = {key: number for number, key in enumerate(graph.functions, 1)}
    cell_number = {key: number for number, key in enumerate(graph.cells, 1)}
    return {
        "roots": [function_number[id(root)] for root in graph.roots],
        "functions": [
            {
                "id": function_number[key],
                "name": title(function),
                "file": harmless(function.__code__.co_filename),
                "line": function.__code__.co_firstlineno,
                "free_variables": {
                    name: cell_number[id(cell)] for name, cell in free_variables(function).items()
                },
                "cell_variables": [*map(harmless, own_code(function).co_cellvars)],
                "nested": nested_data(own_code(function)),
            }
            for key, function in graph.functions.items()
        ],
        "cells": [
            {
                "id": cell_number[key],
                "empty": is_empty(cell),
                "value": value_of(cell),
                "type": None if is_empty(cell) else harmless(type(cell.cell_contents).__name__),
                "holds": []
                if is_empty(cell)
                else [
                    function_number[id(f)]
                    for f in functions_in(cell.cell_contents)
                    if id(f) in function_number
                ],
                "owners": sorted(title(owner) for owner in graph.owners[key]),
            }
            for key, cell in graph.cells.items()
        ],
    }


def nested_data(code: CodeType) -> List[Dict[str, Any]]:
    """Return the functions that a code object makes, as plain data."""
    return [
        {
            "name": harmless(made.co_name),
            "line": made.co_firstlineno,
            "free_variables": [*map(harmless, made.co_freevars)],
            "cell_variables": [*map(harmless, made.co_cellvars)],
            "nested": nested_data(made),
        }
        for made in nested(code)
    ]


def draw_dot(graph: Graph) -> Iterator[str]:
    """Return the lines of a Graphviz graph: functions are boxes, cells ellipses, an arrow carries the variable's name.

    A function that another makes when it is called is a dotted box.
    """
    data = to_data(graph)
    outside: Dict[str, str] = {}
    yield "digraph closure {"
    yield '  rankdir=LR; node [fontname="Helvetica"]; edge [fontname="Helvetica"];'
    for function in data["functions"]:
        root = ", penwidth=2" if function["id"] in data["roots"] else ""
        yield f"  f{function['id']} [shape=box, label={quoted(function['name'])}{root}];"
        for name, cell in function["free_variables"].items():
            yield f"  f{function['id']} -> c{cell} [label={quoted(name)}];"
        yield from _dotted(f"f{function['id']}", function["nested"])
    known = {function["name"] for function in data["functions"]}
    for cell in data["cells"]:
        style = "dashed" if cell["empty"] else "solid"
        yield f"  c{cell['id']} [shape=ellipse, style={style}, label={quoted(cell['value'])}];"
        for function in cell["holds"]:
            yield f"  c{cell['id']} -> f{function} [style=dotted];"
        for owner in sorted({*cell["owners"]} - known):
            if owner not in outside:
                outside[owner] = f"o{len(outside) + 1}"
                yield f"  {outside[owner]} [shape=box, style=dashed, label={quoted(owner)}];"
            yield f"  {outside[owner]} -> c{cell['id']};"
    yield "}"


def _dotted(maker: str, inside: List[Dict[str, Any]]) -> Iterator[str]:
    for number, made in enumerate(inside, 1):
        node = f"{maker}_{number}"
        yield f"  {node} [shape=box, style=dotted, label={quoted(made['name'])}];"
        uses = quoted(", ".join(made["free_variables"]))
        yield f"  {maker} -> {node} [style=dotted, label={uses}];"
        yield from _dotted(node, made["nested"])


def quoted(text: str) -> str:
    """Return a text as Graphviz reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def run_inspect(target: str, form: Form, out: TextIO, errors: TextIO) -> int:
    """Resolve, explore and print; return the exit status.

    Args:
        target: as `resolve` takes it; its module is imported, which runs the module's code.
        form: how the result is printed.
        out: gets the result, and nothing else.
        errors: gets what went wrong. What the module or a repr prints goes to the process's stderr.
    """
    with _prints_to_stderr():
        try:
            graph = explore(resolve(target))
            lines = [*_printed(graph, form)]
        except Exception as error:  # noqa: BLE001 - the module's own code may raise anything
            kind = "" if isinstance(error, _EXPECTED) else f"{type(error).__name__}: "
            errors.write(f"recell inspect: {kind}{harmless(str(error))}\n")
            return 2
        except SystemExit as error:
            errors.write(f"recell inspect: importing the module of {target!r} ended with {error!r}\n")
            return 2
    for line in lines:
        out.write(line + "\n")
    return 0


def _printed(graph: Graph, form: Form) -> Iterator[str]:
    if form == "json":
        import json

        yield json.dumps(to_data(graph), indent=2)
    else:
        yield from draw_dot(graph) if form == "dot" else draw_tree(graph)


@contextmanager
def _prints_to_stderr() -> Iterator[None]:
    """Send to stderr what is printed meanwhile, by Python code, C code or child processes."""
    try:
        out, err = sys.__stdout__.fileno(), sys.__stderr__.fileno()  # type: ignore[union-attr]
        saved = os.dup(out)
    except (AttributeError, OSError, ValueError):  # one of them is no file, or closed
        with redirect_stdout(sys.stderr):
            yield
        return
    try:
        sys.__stdout__.flush()  # type: ignore[union-attr]
        os.dup2(err, out)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.__stdout__.flush()  # type: ignore[union-attr]
        os.dup2(saved, out)
        os.close(saved)
