"""Functions that come out are called as the compiler's are: specialised alike, and never one in place of another."""

from __future__ import annotations

import contextlib
import dis
import io
import os
import subprocess
import sys
import textwrap
from types import FunctionType
from typing import Any, Callable

import pytest

from recell import clone, make_cell, make_function, rebind, replace


def plain(x: int, y: int = 2, *, z: int = 3) -> tuple[int, ...]:
    return (x, y, z)


def make(count: int = 41) -> Callable[..., Any]:
    def read(*args: Any) -> Any:
        return count, args

    return read


def specialised_call(function: Callable[[int], Any]) -> str:
    """The opcode that a call of the function with one argument becomes."""
    names: dict[str, Any] = {"function": function}
    exec("def caller():\n    function(1)", names)
    caller = names["caller"]
    for _ in range(200):
        caller()
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        dis.dis(caller, adaptive=True)
    return next(
        line.split("CALL", 1)[1].split()[0] for line in output.getvalue().splitlines() if "CALL" in line
    )


def given_one(count: int = 41) -> Callable[[int], Any]:
    def function(n: int) -> int:
        """Documented."""
        return n + count

    function.tag = 1  # type: ignore[attr-defined]
    return function


def free_one(n: int) -> int:
    return n


def with_defaults(count: int = 41) -> Callable[..., Any]:
    def function(n: int, m: int = 2, *, k: int = 3) -> int:
        return n + count

    return function


CALLED: dict[str, Callable[[], Any]] = {
    "replace": lambda: replace(given_one()),
    "replace, closure": lambda: replace(given_one(), closure=(make_cell(1),)),
    "replace, name": lambda: replace(given_one(), name="other"),
    "replace, everything else": lambda: replace(
        given_one(), doc="d", module="m", qualname="q", annotations={}, attributes={"a": 1}, globals={}
    ),
    "rebind": lambda: rebind(given_one(), count=5),
    "clone": lambda: clone(given_one()),
    "make_function": lambda: make_function(given_one().__code__, closure={"count": 1}, verify=False),  # type: ignore[attr-defined]
    "without a closure": lambda: replace(free_one, doc="other"),
    "code": lambda: replace(given_one(), code=given_one().__code__, verify=False),  # type: ignore[attr-defined]
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="calls are not specialised")
@pytest.mark.parametrize("way", CALLED)
def test_calls_are_specialised_as_those_of_the_compilers_functions(way: str) -> None:
    """On 3.13+ types.FunctionType gives functions whose calls never are."""
    expected = specialised_call(given_one())
    assert specialised_call(CALLED[way]()) == expected
    if sys.version_info >= (3, 13):
        assert expected == "_PY_EXACT_ARGS"
        model = given_one()
        bare = FunctionType(model.__code__, globals(), None, None, model.__closure__)  # type: ignore[attr-defined]
        assert specialised_call(bare) != expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="calls are not specialised")
def test_calls_with_defaults_are_specialised_alike() -> None:
    expected = specialised_call(with_defaults())
    for new in (
        replace(with_defaults(), name="other"),
        rebind(with_defaults(), count=1),
        clone(with_defaults()),
        replace(with_defaults(), defaults=(7,)),
        replace(with_defaults(), kwdefaults={"k": 4}),
    ):
        assert specialised_call(new) == expected


def test_a_hot_call_site_sees_which_function_it_calls() -> None:
    """Functions of one code share its version (3.13+): other defaults, closure or globals must still be seen."""
    names: dict[str, Any] = {"K": 1}
    exec("def f(a, b=2, *, k=3):\n    return (a, b, k, K)", names)
    one = names["f"]
    variants = [
        (one, (1, 2, 3, 1)),
        (replace(one, defaults=(20,)), (1, 20, 3, 1)),
        (replace(one, kwdefaults={"k": 30}), (1, 2, 30, 1)),
        (replace(one, globals={"K": 10}), (1, 2, 3, 10)),
        (replace(one, defaults=(8, 9)), (1, 9, 3, 1)),
    ]

    def call(function: Any) -> Any:
        for _ in range(3000):
            result = function(1)
        return result

    for _ in range(3):
        for function, expected in variants:
            assert call(function) == expected
    without = replace(one, defaults=None)
    with pytest.raises(TypeError):
        call(without)


def test_globals_are_kept_apart_also_by_the_jit() -> None:
    """The compiler takes functions of one code version to have the same globals (3.14 with PYTHON_JIT=1)."""
    script = """
        import recell
        text = "def f(): return K"
        code = compile(text, "<text>", "exec")
        one, two = {"K": 1}, {"K": 2}
        exec(code, one)
        first, second = one["f"], recell.replace(one["f"], globals=two)
        third = recell.make_function(first.__code__, {"K": 3}, verify=False)

        def total(a, b, n):
            result = 0
            for _ in range(n):
                result += a()
                result += b()
            return result

        n = 20000
        found = [total(a, b, n) // n for a in (first, second, third) for b in (first, second, third)]
        assert found == [2, 3, 4, 3, 4, 5, 4, 5, 6], found
    """
    environment = {**os.environ, "PYTHON_JIT": "1"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, env=environment)
