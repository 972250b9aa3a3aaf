"""Everything public reports `recell`: in reprs, pickles and tracebacks, and `inspect` shows nothing wrong for it."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import pydoc
import sys
import types

import pytest

import recell

OBJECTS = [name for name in recell._HOMES if name != "EMPTY"]
FUNCTIONS = [name for name in OBJECTS if isinstance(getattr(recell, name), types.FunctionType)]
CLASSES = [name for name in OBJECTS if isinstance(getattr(recell, name), type)]


@pytest.mark.parametrize("name", recell._HOMES)
def test_public_objects_report_the_front_door(name: str) -> None:
    """`__module__` is `recell`, and the name leads back to the very object."""
    value = getattr(recell, name)
    assert value.__module__ == "recell"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) is value


def test_nothing_else_reports_the_front_door() -> None:
    """The mark is for what the front door serves."""
    for module in pkgutil.walk_packages(recell.__path__, "recell."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, (type, types.FunctionType)) and value.__module__ == "recell":
                assert getattr(recell, value.__name__, None) is value or value is type(recell.EMPTY)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_source_of_a_function_is_found(name: str) -> None:
    function = getattr(recell, name)
    assert f"def {name}(" in inspect.getsource(function)
    assert inspect.getmodule(function) is recell
    assert inspect.getdoc(function).splitlines()[0] in pydoc.render_doc(function)


@pytest.mark.parametrize("name", CLASSES)
def test_no_wrong_source_is_shown_for_a_class(name: str) -> None:
    """`inspect` looks for a class in the file of its module: it says that there is none; methods show theirs."""
    cls = getattr(recell, name)
    with pytest.raises(OSError):
        inspect.getsource(cls)
    for key, value in vars(cls).items():
        if isinstance(value, types.FunctionType) and value.__module__.startswith("recell."):
            assert f"def {value.__name__}(" in inspect.getsource(value)


def test_messages_of_python_itself_name_the_front_door() -> None:
    """A traceback's last line, and reprs of classes."""
    import traceback

    error = recell.ScopeError("no such name")
    assert traceback.format_exception_only(type(error), error) == ["recell.ScopeError: no such name\n"]
    assert repr(recell.Patcher) == "<class 'recell.Patcher'>"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="__firstlineno__ came with 3.13")
def test_the_number_of_a_line_of_another_file_is_gone() -> None:
    assert not hasattr(recell.Patcher, "__firstlineno__")
