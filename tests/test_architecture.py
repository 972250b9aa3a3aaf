"""The laws of the house: which way imports point, who reads the release, what an import costs, what is public."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

import recell

SOURCE = Path(recell.__file__).parent
WHOLE = {name: SOURCE / name for name in ("compat", "tour")}  # one thing each, seen from outside
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted([*SOURCE.glob("*.py"), *SOURCE.glob("*/*.py")])
    if path.stem != "__init__" and path.parent.name not in WHOLE
}


@functools.lru_cache(maxsize=None)
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def files_of(name: str) -> list[Path]:
    return [MODULES[name]] if name in MODULES else sorted(WHOLE[name].glob("*.py"))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            for other in child.orelse:  # type: ignore[attr-defined]
                yield other
                yield from statements(other)
            continue
        yield child
        yield from statements(child)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """The dotted names that a file imports at run time, wherever in it, with their lines."""
    for node in statements(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = (
                    "recell" if path.parent == SOURCE or node.level > 1 else f"recell.{path.parent.name}"
                )
                base = f"{package}.{base}" if base else package
            yield base, node.lineno
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def inner_imports(name: str) -> set[str]:
    """Which other modules of recell a module imports."""
    found = set()
    for path in files_of(name):
        for dotted, _ in imported(path):
            package, _, rest = dotted.partition(".")
            parts = rest.split(".")
            if package == "recell":
                found |= {".".join(parts[:1]), ".".join(parts[:2])} & {*MODULES, *WHOLE}
    return found - {name}


GRAPH = {name: inner_imports(name) for name in [*MODULES, *WHOLE]}


def reached(name: str) -> set[str]:
    """Everything a module imports, directly or not."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other in GRAPH[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


@pytest.mark.parametrize("name", GRAPH)
def test_no_module_imports_itself_in_a_circle(name: str) -> None:
    everything = reached(name)
    assert name not in everything, f"recell.{name} imports itself in a circle: {sorted(everything)}"


def test_no_package_imports_itself_in_a_circle() -> None:
    """Packages stand above each other as their modules do: one direction, no way back."""
    above = {}
    for name, others in GRAPH.items():
        home = name.partition(".")[0]
        above.setdefault(home, set()).update({other.partition(".")[0] for other in others} - {home})
    waiting = dict(above)
    while waiting:
        lowest = {name for name, others in waiting.items() if not others & set(waiting)}
        assert lowest, f"packages in a circle: {waiting}"
        for name in lowest:
            del waiting[name]


@pytest.mark.parametrize("path", [*SOURCE.glob("*.py"), *SOURCE.glob("*/*.py")], ids=lambda path: path.stem)
def test_private_names_stay_in_their_package(path: Path) -> None:
    """A name with a leading underscore is imported by modules of its own package alone."""
    own = "recell" if path.parent == SOURCE else f"recell.{path.parent.name}"
    for node in statements(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recell"):
            if node.module.rpartition(".")[0] != own and node.module != own:
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"line {node.lineno} imports {private} from {node.module}"


@pytest.mark.parametrize(
    "name", [name for name in GRAPH if name not in ("__main__", "tour", "pytest_plugin", "doctor")]
)
def test_modules_do_not_import_the_front_door(name: str) -> None:
    """The package's own modules import each other by module: `recell` itself is for users."""
    for path in files_of(name):
        names = [
            line for dotted, line in imported(path) if dotted == "recell" or dotted.startswith("recell.")
        ]
        direct = [
            node.lineno
            for node in statements(tree_of(path))
            if isinstance(node, ast.Import) and any(alias.name == "recell" for alias in node.names)
        ]
        assert not direct, f"{path.name} imports recell itself in line {direct[0]} ({names})"


@pytest.mark.parametrize("path", [path for path in SOURCE.glob("**/*.py")], ids=lambda path: path.name)
def test_the_release_is_read_in_compat_alone(path: Path) -> None:
    """Outside compat/ nobody asks for the version, the platform or the implementation."""
    if path.parent.name == "compat":
        return
    forbidden = {
        "version_info",
        "hexversion",
        "python_version",
        "python_version_tuple",
        "implementation",
        "MAGIC_NUMBER",
    }
    for node in ast.walk(tree_of(path)):
        name = (
            node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        )
        assert name not in forbidden, f"{path.name}:{node.lineno} reads {name}"  # type: ignore[attr-defined]


def test_compat_has_one_file_for_each_release() -> None:
    """And no second family of them; what begins with an underscore says what the files answer."""
    from recell import compat

    files = {path.stem for path in (SOURCE / "compat").glob("*.py") if not path.stem.startswith("_")}
    assert files == {f"py3{minor}" for minor in range(compat.OLDEST[1], compat.NEWEST[1] + 1)}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names came with 3.10")
def test_no_other_package_is_needed() -> None:
    """At run time recell stands on the standard library, and for rewriting alone on `bytecode`, imported on first need."""
    known = {*sys.stdlib_module_names, "__future__"}
    users = {
        (path.name, dotted)
        for path in SOURCE.glob("**/*.py")
        for dotted, _ in imported(path)
        if dotted.partition(".")[0] not in known
    }
    assert {dotted.partition(".")[0] for _, dotted in users} <= {"recell", "pytest", "bytecode"}, users
    assert {name for name, dotted in users if dotted.partition(".")[0] == "pytest"} <= {"pytest_plugin.py"}
    importers = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.glob("**/*.py")
        for dotted, _ in imported(path)
        if dotted.partition(".")[0] == "bytecode"
    }
    assert importers == {"rewriting/library.py"}
    assert "bytecode" not in loaded_by("import recell.rewriting.verbs")


def test_files_have_one_purpose() -> None:
    """No file of the package is longer than 400 lines."""
    long = {
        path.name: count
        for path in SOURCE.glob("**/*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long


HEAVY = ["bytecode", "inspect", "ast", "dis", "ctypes", "dataclasses"]


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads in an interpreter that has nothing else loaded."""
    script = (
        "import sys, json\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    command = [sys.executable, "-I", "-S", "-c", script, str(SOURCE.parent)]
    return set(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def test_importing_is_cheap() -> None:
    """`import recell` loads none of the heavy modules, and hardly anything else."""
    loaded = loaded_by("import recell")
    assert "recell" in loaded
    assert not loaded & {*HEAVY, "typing", "re", "enum", "functools", "collections"}
    assert {name for name in loaded if name.startswith("recell.")} == set()


def test_cells_and_rebinding_stay_cheap() -> None:
    """What needs no opcode facts loads none of the heavy modules either."""
    loaded = loaded_by(
        "import recell\n"
        "def make(x=1): return lambda: x\n"
        "func = recell.rebind(make(), x=2)\n"
        "assert func() == recell.closure(func)['x'] == 2\n"
    )
    heavy = loaded & set(HEAVY)
    if sys.version_info >= (3, 14):
        heavy -= {"ast"}  # typing.NamedTuple itself loads annotationlib, and that ast
    assert not heavy


def test_the_front_door_agrees_with_itself() -> None:
    """`_HOMES`, `__all__` and the stub that checkers and editors read are the same names from the same modules."""
    tree = ast.parse(Path(recell.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    seen, modules = {}, set()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                assert alias.asname == alias.name, f"{alias.name} is not re-exported explicitly"
                if statement.module == "recell":
                    modules.add(alias.name)
                else:
                    seen[alias.name] = statement.module.partition("recell.")[2]
    assert seen == recell._HOMES
    assert modules == {"errors", "local"} <= set(dir(recell))
    assert [*recell.__all__] == [*recell._HOMES, "__version__"]
    assert set(recell.__all__) <= set(dir(recell))


PUBLIC = [name for name in recell._HOMES]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_documentation(name: str) -> None:
    """Every public callable has a docstring with an example; every public method a docstring.

    Errors are documented by the law they enforce; the base class shows how they are used.
    """
    value = getattr(recell, name)
    home = importlib.import_module(f"recell.{recell._HOMES[name]}")
    assert name in home.__all__, f"{name} is missing from {home.__name__}.__all__"
    if not callable(value):
        return
    documentation = inspect.getdoc(value)
    assert documentation, f"{name} has no docstring"
    if isinstance(value, type) and issubclass(value, BaseException):
        return
    assert ">>>" in documentation, f"{name}'s docstring has no example"
    if isinstance(value, type):
        for method, function in vars(value).items():
            if not method.startswith("_") and callable(getattr(value, method)):
                assert inspect.getdoc(getattr(value, method)), (
                    f"{name}.{method} has no docstring ({function!r})"
                )


def test_public_names_say_where_users_find_them() -> None:
    """Every module's `__all__` names what it has."""
    for name in MODULES:
        if name == "__main__":
            continue
        module = importlib.import_module(f"recell.{name}")
        for public in getattr(module, "__all__", ()):
            assert hasattr(module, public), f"recell.{name}.__all__ names {public}, which it has not"


def test_the_package_is_importable_where_the_release_is_unknown() -> None:
    """On a release without a compat file, cells, closures, rebind, clone and replace work; the rest is a typed error."""
    script = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from recell import compat\n"
        "compat.NEWEST = (3, 7)\n"
        "import recell\n"
        "def make(x=1):\n"
        "    def func(): return x\n"
        "    return func\n"
        "func = make()\n"
        "assert recell.rebind(func, x=2)() == 2\n"
        "assert recell.clone(func)() == 1\n"
        "assert recell.replace(func, name='g').__name__ == 'g'\n"
        "assert recell.closure(func)['x'] == 1\n"
        "try:\n"
        "    compat.require('promote')\n"
        "except NotImplementedError as error:\n"
        "    assert isinstance(error, recell.UnsupportedPythonError)\n"
        "    assert 'promote' in str(error)\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script, str(SOURCE.parent)], check=True)
