"""Where the functions come from: modules imported, and everything in them that holds a function.

Deterministic: modules by name, their contents in the order of definition. What is left out is listed with
the reason (`skipped()`), never dropped in silence.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import sys
import sysconfig
import types
import warnings
from pathlib import Path
from typing import Iterable, Iterator

LIBRARY = Path(sysconfig.get_path("stdlib"))

# folder or module (a prefix of the dotted name) -> why it is left out
LEFT_OUT = {
    "antigravity": "opens a web browser when imported",
    "this": "prints when imported",
    "__hello__": "prints when imported",
    "__phello__": "prints when imported",
    "idlelib": "a graphical program that starts when some of its modules are imported",
    "turtledemo": "graphical demos",
    "test": "the tests of the standard library",
    "site-packages": "not the standard library",
    "dist-packages": "not the standard library",
    "config": "build configuration",
    "lib2to3.tests": "tests",
    "ctypes.test": "tests",
    "distutils": "setuptools puts its own in this place",
    "distutils.tests": "tests",
    "sqlite3.test": "tests",
    "tkinter.test": "tests",
    "unittest.test": "tests",
    "ensurepip._bundled": "wheels",
    "multiprocessing.resource_sharer": "registers handlers for forked processes when imported",
    "sitecustomize": "the distribution's, not the standard library's",
    "usercustomize": "the user's, not the standard library's",
    "_sysconfigdata": "data that is read by sysconfig",
    "lib-dynload": "extension modules",
}

_skipped: dict[str, str] = {}


def skipped() -> dict[str, str]:
    """The modules left out so far, each with the reason."""
    return dict(_skipped)


def _reason(name: str) -> str | None:
    if name.split(".")[-1] == "__main__":
        return "runs a program when imported"
    if {"tests", "conftest"} & set(name.split(".")):
        return "tests"
    for prefix, reason in LEFT_OUT.items():
        if name == prefix or name.startswith((prefix + ".", prefix + "-")):
            return reason
    if name.startswith("_sysconfigdata"):
        return LEFT_OUT["_sysconfigdata"]
    return None


def _modules_under(folder: Path, package: str = "") -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        name = package + path.name.partition(".")[0]
        is_package = path.is_dir() and (path / "__init__.py").exists()
        if not (is_package or (path.suffix == ".py" and path.stem != "__init__")):
            continue
        reason = _reason(name)
        if reason is not None:
            _skipped[name] = reason
        elif is_package:
            yield name, path / "__init__.py"
            yield from _modules_under(path, name + ".")
        else:
            yield name, path


def _import(name: str) -> types.ModuleType | None:
    """The module, or None with the reason recorded: many are for other platforms."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a module for another platform raises
        _skipped[name] = f"cannot be imported here: {type(error).__name__}: {error}"
        return None


@functools.lru_cache(maxsize=None)
def modules(packages: tuple[str, ...] = ()) -> tuple[types.ModuleType, ...]:
    """The importable modules of the standard library, or of the packages named."""
    if packages:
        named: list[str] = []
        for package in packages:
            spec = importlib.util.find_spec(package)
            if spec is None:
                msg = f"no package {package!r} is installed"
                raise ModuleNotFoundError(msg)
            named.append(package)
            for folder in spec.submodule_search_locations or ():
                named.extend(name for name, _ in _modules_under(Path(folder), package + "."))
    else:
        named = [name for name, _ in _modules_under(LIBRARY)]
    found = (_import(name) for name in named)
    return tuple(module for module in found if module is not None)


def _held(value: object) -> Iterator[object]:
    """What a descriptor, wrapper or class holds that may be, or hold, a function."""
    if isinstance(value, types.FunctionType):
        if hasattr(value, "__wrapped__"):
            yield value.__wrapped__
        for cell in value.__closure__ or ():
            with contextlib.suppress(ValueError):
                if isinstance(cell.cell_contents, types.FunctionType):
                    yield cell.cell_contents
    elif isinstance(value, (staticmethod, classmethod, types.MethodType)):
        yield value.__func__
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, (functools.cached_property, functools.partial, functools.partialmethod)):
        yield value.func
    elif isinstance(value, functools.singledispatchmethod):
        yield value.func
    elif isinstance(value, type):
        yield from list(vars(value).values())
    else:
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType) or type(value).__name__ == "_lru_cache_wrapper":
            yield getattr(value, "__wrapped__", None)


@functools.lru_cache(maxsize=None)
def live_functions(packages: tuple[str, ...] = ()) -> tuple[types.FunctionType, ...]:
    """The functions that live in the modules, with the very closures they have."""
    found: dict[int, types.FunctionType] = {}
    seen: dict[int, object] = {}
    roots = {module.__name__.partition(".")[0] for module in modules(packages)}

    def visit(value: object, owner: str) -> None:
        if id(value) in seen:
            return
        # a class belongs to the module that defines it: the walk must not wander off
        if isinstance(value, type) and getattr(value, "__module__", owner).partition(".")[0] not in roots:
            return
        seen[id(value)] = value
        if isinstance(value, types.FunctionType):
            home = value.__module__ or owner
            if isinstance(home, str) and home.partition(".")[0] in roots:
                found[id(value)] = value
        for inner in _held(value):
            visit(inner, owner)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules(packages):
            for value in list(vars(module).values()):
                visit(value, module.__name__)
    return tuple(found.values())


_MADE: dict[int, types.FunctionType] = {}


def is_made(func: types.FunctionType) -> bool:
    """The harness made this function from a code object, with empty cells: it was never called."""
    return id(func) in _MADE


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)


def _is_function_code(code: types.CodeType) -> bool:
    both = inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS
    return code.co_flags & both == both


def _place(code: types.CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_name


@functools.lru_cache(maxsize=None)
def functions(packages: tuple[str, ...] = ()) -> tuple[types.FunctionType, ...]:
    """The live functions, and one made with empty cells for each that only their source shows: functions nested in
    others, replaced by a decorator, deleted, or standing in modules that cannot be imported here."""
    live = live_functions(packages)
    known = {_place(func.__code__) for func in live}
    spaces = {getattr(module, "__file__", None): vars(module) for module in modules(packages)}
    made: list[types.FunctionType] = []
    for code in code_objects(packages):
        if _place(code) in known or not _is_function_code(code):
            continue
        known.add(_place(code))
        space = spaces.get(code.co_filename)
        if space is None:
            space = spaces[code.co_filename] = {
                "__name__": Path(code.co_filename).stem,
                "__builtins__": builtins,
            }
        cells = tuple(types.CellType() for _ in code.co_freevars)
        made.append(types.FunctionType(code, space, None, None, cells or None))
    _MADE.update({id(func): func for func in made})
    return (*live, *made)


@functools.lru_cache(maxsize=None)
def code_objects(packages: tuple[str, ...] = ()) -> tuple[types.CodeType, ...]:
    """All code objects of the standard library's source files (or the packages'), compiled, not run."""
    if packages:
        files = [Path(module.__file__) for module in modules(packages) if getattr(module, "__file__", None)]
        files = [path for path in files if path.suffix == ".py"]
    else:
        files = [path for _, path in _modules_under(LIBRARY)]
    found: list[types.CodeType] = []
    for path in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            _skipped[str(path.name)] = f"cannot be compiled: {error}"
            continue
        found.append(code)
        found.extend(_nested(code))
    return tuple(found)


def name_of(item: types.FunctionType | types.CodeType) -> str:
    """How a report calls a function or code object."""
    if isinstance(item, types.CodeType):
        return f"{Path(item.co_filename).name}:{item.co_firstlineno} {item.co_name}"
    return f"{item.__module__}.{item.__qualname__}"


def names_of(items: Iterable[types.FunctionType | types.CodeType]) -> list[str]:
    return [name_of(item) for item in items]
