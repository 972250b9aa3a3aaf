"""Functions that Cython compiled: as targets refused with a hint, as values and callers as good as any other."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import pytest

import recell

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module that Cython and the C compiler make of compiled_subject.pyx."""
    if importlib.util.find_spec("Cython") is None or shutil.which("gcc") is None:
        pytest.skip("needs Cython and a compiler")
    folder = tmp_path_factory.mktemp("compiled")
    text, target = folder / "compiled_subject.c", folder / "compiled_subject.so"
    cython = [sys.executable, "-m", "cython", "-3", str(HERE / "compiled_subject.pyx"), "-o", str(text)]
    include = sysconfig.get_paths()["include"]
    gcc = ["gcc", "-shared", "-fPIC", "-O1", "-w", f"-I{include}", str(text), "-o", str(target)]
    for command in (cython, gcc):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ)
        if done.returncode:
            pytest.skip(f"cannot be compiled here: {done.stdout.decode()[-300:]}")
    spec = importlib.util.spec_from_file_location("compiled_subject", target)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TARGETS: dict[str, Callable[[Any], Any]] = {
    "function": lambda module: module.plain,
    "closure": lambda module: module.make(1),
    "generator function": lambda module: module.generate,
    "coroutine function": lambda module: module.wait,
    "with a C signature": lambda module: module.twice,
    "bound method": lambda module: module.Box().method,
    "static method": lambda module: vars(module.Box)["static"],
    "method of a C class": lambda module: module.Fast().get,
}

VERBS: dict[str, Callable[[Any], object]] = {
    "closure": recell.closure,
    "sharing": lambda func: recell.sharing(func, func),
    "replace": lambda func: recell.replace(func, name="other"),
    "rebind": lambda func: recell.rebind(func, step=1),
    "clone": recell.clone,
    "substitute": lambda func: recell.substitute(func, rename={"x": "y"}),
    "scope": recell.scope,
    "promote": lambda func: recell.promote(func, RATE=1),
    "demote": lambda func: recell.demote(func, "step"),
    "freeze": lambda func: recell.freeze(func, RATE=1),
    "inner": lambda func: recell.inner(func, "add", step=1),
    "replace_inner": lambda func: recell.replace_inner(func, "add", len),
    "patch_inner": lambda func: recell.patch_inner(func, "add", len),
    "patch_closure": lambda func: recell.patch_closure(func, step=1),
    "override": lambda func: recell.override(func, RATE=1),
    "swap": lambda func: recell.swap(func, len),
    "wrap": lambda func: recell.wrap(func, lambda original: original),
    "running": recell.running,
}


@pytest.mark.parametrize("verb", VERBS)
def test_as_a_target_it_is_refused_with_a_hint(compiled: ModuleType, verb: str) -> None:
    """Every verb says what the function is and what would work, and changes nothing."""
    for what, target in TARGETS.items():
        func = target(compiled)
        with pytest.raises(TypeError, match="compiled function|C function|builtin|method") as caught:
            VERBS[verb](func)
        assert f"{verb} needs a Python function" in str(caught.value), what
        if "the compiled function" in str(caught.value):
            assert "override its name in the Python function that calls it" in str(caught.value)
    assert compiled.plain(3) == 7
    assert compiled.make(1)(2) == 3


@pytest.mark.parametrize("verb", VERBS)
def test_what_others_compiled_is_refused_too(verb: str) -> None:
    """A function of msgpack, whose wheels come compiled, also where there is no compiler."""
    unpackb = pytest.importorskip("msgpack._cmsgpack").unpackb
    with pytest.raises(TypeError, match="override its name in the Python function that calls it"):
        VERBS[verb](unpackb)
    with pytest.raises(recell.UnsafeCodeError):
        recell.make_function(unpackb.__code__)
    with recell.override(python_caller, helper=unpackb):
        assert python_caller(b"\x07") == (7, 3)
    with recell.swap(helper, unpackb):
        assert python_caller(b"\x07") == (7, 3)
    assert python_caller(3) == (("helper", 3), 3)


def test_its_property_and_class_are_refused_too(compiled: ModuleType) -> None:
    """A property whose accessor is compiled, a class whose methods all are, and a class written in C."""
    with pytest.raises(TypeError, match="accessors"):
        recell.rebind(vars(compiled.Box)["size"], step=1)
    with pytest.raises(TypeError, match="none of its own"):
        recell.override(compiled.Box, RATE=1)
    with pytest.raises(TypeError, match="written in C"):
        recell.attach(compiled.Fast, lambda self: 2, "get")
    assert compiled.Fast().get() == 1


def test_its_code_object_is_never_run(compiled: ModuleType) -> None:
    """Compiled functions show a code object without instructions: to build a function from it would be a crash."""
    code = compiled.plain.__code__
    for use in (recell.verify, recell.make_function, lambda code: recell.replace(test_as_values, code=code)):
        with pytest.raises((recell.UnsafeCodeError, recell.ClosureMismatchError)):
            use(code)
    assert recell.owners(code) == []
    assert recell.running(code) == []


RATE = 3


def python_caller(value: int) -> Any:
    return helper(value), RATE


def helper(value: int) -> Any:
    return "helper", value


def test_as_values(compiled: ModuleType) -> None:
    """As the meaning of a name, as replacement, decorator and nested function, compiled ones serve like any other."""

    def outer(value: int) -> Any:
        def nested(number: int) -> Any:
            return "nested", number

        return nested(value)

    with recell.override(python_caller, helper=compiled.plain):
        assert python_caller(3) == (7, 3)
    assert recell.promote(python_caller, helper=compiled.make(5))(3) == (8, 3)
    assert recell.freeze(python_caller, helper=compiled.twice)(3) == (6, 3)
    with recell.swap(helper, compiled.plain):
        assert python_caller(3) == (7, 3)
        assert helper(3, y=2) == 8
    with recell.swap(helper, compiled.make(5)):
        assert helper(3) == 8
    with recell.wrap(helper, compiled.decorator):
        assert helper(3) == (("helper", 3), "compiled")
    with recell.patch_inner(outer, "nested", compiled.plain):
        assert outer(3) == 7
    assert recell.replace_inner(outer, "nested", compiled.twice)(3) == 6
    assert recell.forward(compiled.plain, signature="(x, *, y=5)")(1) == 7
    assert outer(3) == ("nested", 3)
    assert python_caller(3) == (("helper", 3), 3)


def test_as_methods(compiled: ModuleType) -> None:
    """Attached to a Python class, and Python methods attached to a class that Cython compiled."""

    class Plain:
        pass

    with recell.attach(Plain, compiled.call, "call"):
        assert Plain.__dict__["call"] is compiled.call
    assert not hasattr(Plain, "call")

    class Child(compiled.Box):
        pass

    def method(self) -> str:
        return super().method() + "!"

    with recell.attach(Child, method):
        assert Child().method() == "box!"
    assert Child().method() == "box"


def test_compiled_callers_see_what_is_in_force(compiled: ModuleType) -> None:
    """What compiled code calls is the same object before, during and after."""
    assert compiled.call(python_caller, 1) == (("helper", 1), 3)
    with recell.override(python_caller, RATE=9):
        assert compiled.call(python_caller, 1) == (("helper", 1), 9)
    with recell.swap(python_caller, lambda value: "swapped"):
        assert compiled.call(python_caller, 1) == "swapped"
    held = compiled.decorator(python_caller)
    with recell.wrap(python_caller, lambda original: lambda value: ("wrapped", original(value))):
        assert held(1) == (("wrapped", (("helper", 1), 3)), "compiled")
    assert held(1) == ((("helper", 1), 3), "compiled")
