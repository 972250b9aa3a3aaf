"""Real packages reloaded onto their own text: moved by a line, and with one statement added to every function.

Run as a script it takes names of packages, and prints one line for each.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
import types
import warnings
from typing import Any, Dict, Iterator, List, Tuple

import recell


def modules_of(name: str) -> Iterator[types.ModuleType]:
    """The modules of a package that can be imported here."""
    package = importlib.import_module(name)
    yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}.", onerror=lambda _: None):
        if "__main__" in found.name or "test" in found.name:
            continue
        try:
            yield importlib.import_module(found.name)
        except BaseException:
            continue


def text_of(module: types.ModuleType) -> str:
    path = getattr(module, "__file__", None)
    if not path or not path.endswith(".py"):
        return ""
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def state(module: types.ModuleType) -> Dict[str, Any]:
    """The names of a module, and the members of its classes."""
    found = dict(vars(module))
    for name, value in list(found.items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            found.update((f"{name}.{one}", member) for one, member in vars(value).items())
    return found


def same(one: Dict[str, Any], other: Dict[str, Any]) -> List[str]:
    keys = one.keys() ^ other.keys()
    return [*keys, *(name for name in one.keys() & other.keys() if one[name] is not other[name])]


def moved(name: str) -> Tuple[int, List[str]]:
    """Reload every module of a package with its own text moved by a line; return the count, and what went wrong."""
    wrong, count = [], 0
    for module in list(modules_of(name)):
        text = text_of(module)
        if not text:
            continue
        count += 1
        new = text if text.startswith("#!") else "\n" + text
        if new == text:
            new = text.replace("\n", "\n\n", 1)
        path = vars(module).pop("__path__", None)  # a package's own text, as one module's
        before = state(module)
        try:
            report = recell.reload(module, source=new, was=text)
        except BaseException as error:
            wrong.append(f"{module.__name__}: {type(error).__name__}: {str(error)[:200]}")
            if path is not None:
                vars(module)["__path__"] = path
            continue
        after = state(module)
        if report.ran or report.changed or report.added or report.removed or report.left:
            wrong.append(f"{module.__name__}: {str(report)[:400]}")
        elif [one for one in same(before, after) if one.rpartition(".")[2] != "__firstlineno__"]:
            wrong.append(f"{module.__name__}: {same(before, after)[:5]} are others")
        report.undo()
        back = same(before, state(module))
        if path is not None:
            vars(module)["__path__"] = path
        if back:
            wrong.append(f"{module.__name__}: undone, {back[:5]} are others")
    return count, wrong


class _Marked(ast.NodeTransformer):
    """A statement at the start of every function that names its line in the old text."""

    def __init__(self) -> None:
        self.names: List[str] = []

    def visit_FunctionDef(self, node: Any) -> Any:
        self.generic_visit(node)
        at = 1 if ast.get_docstring(node, clean=False) is not None else 0
        line = ast.parse(f"__marked__ = {node.lineno}").body[0]
        node.body.insert(at, line)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef


def marked(name: str) -> Tuple[int, int, List[str]]:
    """Add a local to every function; return how many there are, how many share a name, and what went wrong."""
    wrong: List[str] = []
    functions = shared = 0
    for module in list(modules_of(name)):
        text = text_of(module)
        if not text:
            continue
        old = ast.unparse(ast.parse(text)) + "\n"
        new = ast.unparse(ast.fix_missing_locations(_Marked().visit(ast.parse(old)))) + "\n"
        filename = str(module.__file__)
        # the module as if it had been imported from the plain text
        fresh = types.ModuleType(module.__name__)
        for one in ("__file__", "__package__", "__path__", "__spec__", "__loader__"):
            if one in vars(module):
                vars(fresh)[one] = vars(module)[one]
        sys.modules[module.__name__] = fresh
        try:
            try:
                exec(compile(old, filename, "exec", dont_inherit=True), vars(fresh))
            except BaseException:
                continue
            import gc

            found = [
                f
                for f in gc.get_referrers(vars(fresh))
                if type(f) is types.FunctionType and f.__globals__ is vars(fresh)
            ]
            found = [f for f in found if f.__code__.co_filename == filename and f.__name__ != "__annotate__"]
            held = [(f, f.__code__.co_firstlineno, f.__code__.co_name) for f in found]
            lines = {
                one.lineno: one
                for one in ast.walk(ast.parse(old))
                if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
            }
            names = [one.name for one in lines.values()]
            vars(fresh).pop("__path__", None)
            try:
                report = recell.reload(fresh, source=new, was=old)
            except BaseException as error:
                wrong.append(f"{module.__name__}: {type(error).__name__}: {str(error)[:300]}")
                continue
            for function, line, called in held:
                node = next(
                    (
                        one
                        for one in lines.values()
                        if one.name == called
                        and min([one.lineno, *(d.lineno for d in one.decorator_list)]) == line
                    ),
                    None,
                )
                if node is None:
                    continue
                functions += 1
                shared += names.count(called) > 1
                constants = function.__code__.co_consts
                if node.lineno not in constants and node.lineno > 255:
                    wrong.append(f"{module.__name__}:{line} {called}")
                elif node.lineno <= 255 and "__marked__" not in function.__code__.co_varnames:
                    wrong.append(f"{module.__name__}:{line} {called}")
            report.undo()
        finally:
            sys.modules[module.__name__] = module
    return functions, shared, wrong


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for each in sys.argv[2:]:
        if sys.argv[1] == "moved":
            modules, problems = moved(each)
            print(f"{each}: {modules} modules, {len(problems)} wrong", flush=True)
        else:
            total, alike, problems = marked(each)
            print(f"{each}: {total} functions, {alike} share a name, {len(problems)} wrong", flush=True)
        for problem in problems[:20]:
            print("   ", problem)
