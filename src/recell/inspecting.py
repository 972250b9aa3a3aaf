"""`recell inspect MODULE:NAME`: a function's closure as a tree, as JSON, or as a graph for Graphviz."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, TextIO, Tuple

from recell.callables import functions_in
from recell.cells import closure, contents_of, is_empty, owners_of_all
from recell.errors import short

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Graph", "draw_dot", "draw_tree", "explore", "resolve", "run_inspect", "to_data"]

DEPTH = 4  # functions inside cells of functions inside cells … are shown this far


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
        roots = tuple(found for value in vars(obj).values() for found in functions_in(value))
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
    """`module.qualname`, as a person looks for it."""
    return f"{function.__module__}.{function.__qualname__}"


def place(function: FunctionType) -> str:
    """`file:line` of the definition."""
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def others(graph: Graph, cell: CellType, function: FunctionType) -> List[str]:
    """The titles of the functions that share a cell with one, sorted, each with its count where there are several."""
    names = sorted(title(owner) for owner in graph.owners[id(cell)] if owner is not function)
    return [
        f"{name} ({names.count(name)} of them)" if names.count(name) > 1 else name
        for name in sorted({*names})
    ]


def value_of(cell: CellType) -> str:
    """The contents as shown, `<empty>` where there are none."""
    return short(contents_of(cell), 70)


def draw_tree(graph: Graph) -> Iterator[str]:
    """The lines of a tree: each free variable, its value, who shares its cell, and the functions in it."""
    drawn: set[int] = set()

    def branch(function: FunctionType, indent: str) -> Iterator[str]:
        drawn.add(id(function))
        cells = closure(function).cells
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


def scope_lines(function: FunctionType) -> Iterator[str]:
    """What the other names in a function and its nested functions mean, where this release's opcodes are known."""
    from recell import compat

    if compat.find() is None:
        return
    from recell.scopes.scope import scope

    found = scope(function)
    for word, names in (("globals", found.globals), ("builtins", found.builtins)):
        if names:
            yield f"{word}: {', '.join(sorted(names))}"
    for word, unvalued in (("unbound", found.unbound), ("assigned", found.assigned)):
        if unvalued:
            yield f"{word}: {', '.join(sorted(unvalued))}"


def to_data(graph: Graph) -> Dict[str, Any]:
    """The graph as plain data for JSON; functions and cells are numbered."""
    function_number = {key: number for number, key in enumerate(graph.functions, 1)}
    cell_number = {key: number for number, key in enumerate(graph.cells, 1)}
    return {
        "roots": [function_number[id(root)] for root in graph.roots],
        "functions": [
            {
                "id": function_number[key],
                "name": title(function),
                "file": function.__code__.co_filename,
                "line": function.__code__.co_firstlineno,
                "free_variables": {
                    name: cell_number[id(cell)] for name, cell in closure(function).cells.items()
                },
            }
            for key, function in graph.functions.items()
        ],
        "cells": [
            {
                "id": cell_number[key],
                "empty": is_empty(cell),
                "value": value_of(cell),
                "type": None if is_empty(cell) else type(cell.cell_contents).__name__,
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


def draw_dot(graph: Graph) -> Iterator[str]:
    """The lines of a Graphviz graph: functions are boxes, cells are ellipses, an arrow carries the variable's name."""
    data = to_data(graph)
    outside: Dict[str, str] = {}
    yield "digraph closure {"
    yield '  rankdir=LR; node [fontname="Helvetica"]; edge [fontname="Helvetica"];'
    for function in data["functions"]:
        root = ", penwidth=2" if function["id"] in data["roots"] else ""
        yield f"  f{function['id']} [shape=box, label={quoted(function['name'])}{root}];"
        for name, cell in function["free_variables"].items():
            yield f"  f{function['id']} -> c{cell} [label={quoted(name)}];"
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


def quoted(text: str) -> str:
    """A text as Graphviz reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def run_inspect(target: str, form: str, out: TextIO) -> int:
    """Resolve, explore and print; returns the exit status."""
    try:
        graph = explore(resolve(target))
    except (ValueError, ImportError, AttributeError, TypeError) as error:
        out.write(f"recell inspect: {error}\n")
        return 2
    if form == "json":
        import json

        out.write(json.dumps(to_data(graph), indent=2) + "\n")
    else:
        for line in draw_dot(graph) if form == "dot" else draw_tree(graph):
            out.write(line + "\n")
    return 0
