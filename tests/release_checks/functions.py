"""Checks of the facts about functions, and of the exchange of their parts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from release_checks.base import WRITTEN, check, in_child, loading, same


@check("function_factory")
def function_factory(facts: Any) -> None:
    same("SET_FUNCTION_ATTRIBUTE" in WRITTEN, facts.function_factory is not None)
    if facts.function_factory is not None:
        in_child(
            "import sys, types\nsys.path.insert(0, sys.argv[1])\n"
            + loading(facts.function_factory, "factory")
            + "def make(x):\n  def func(a=0, *, b=0): return x, a, b\n  return func\n"
            "func = make(1)\n"
            "values = (5,), {'b': 6}, ('a', int), func.__closure__, None\n"
            "new = types.FunctionType(factory(11), globals())(func.__code__, *values)\n"
            "assert new() == (1, 5, 6), new()\n"
        )


@check("frozen_at_start")
def frozen_at_start(facts: Any) -> None:
    script = "import gc; raise SystemExit(gc.get_freeze_count() > 0)"
    frozen = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=False).returncode
    same(bool(frozen), facts.frozen_at_start > 0)


@check("prepare", "exchange")
def exchange(facts: Any) -> None:
    """Code and closure at once, while a thread calls the function."""
    in_child(
        "import sys, threading\nsys.path.insert(0, sys.argv[1])\n"
        + loading(facts.prepare, "prepare")
        + loading(facts.exchange, "exchange")
        + _EXCHANGE
    )


_EXCHANGE = (
    f"""
SEEN_BY_HOOKS = {"MAKE_CELL" in WRITTEN}  # before, an audit hook may see a mixture: a stated limit
"""
    + """
import ctypes
set_closure = ctypes.pythonapi.PyFunction_SetClosure
set_closure.argtypes = ctypes.py_object, ctypes.py_object
def one(a):
    def func(): return a
    return func
def two(a, b, c):
    def func(): return a, b, c
    return func
func, other = one(1), two(1, 2, 3)
states = [(each.__code__, each.__closure__, None, None) for each in (func, other)]
going, wrong = True, []
def go(before, after):
    exchange(func, before, after, set_closure, prepare(func, before, after, set_closure, None, {}))
def call():
    while going:
        value = func()
        if value not in (1, (1, 2, 3)): wrong.append(value)
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=call) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(3000):
    go(states[0], states[1])
    assert func() == (1, 2, 3)
    go(states[1], states[0])
    assert func() == 1
going = False
for thread in threads: thread.join()
if SEEN_BY_HOOKS:
    def hook(event, arguments):
        if event == "object.__setattr__" and arguments[0] is func:
            value = func()
            if value not in (1, (1, 2, 3)): wrong.append(value)
    sys.addaudithook(hook)
    for _ in range(100):
        go(states[0], states[1])
        go(states[1], states[0])
assert not wrong, wrong[:3]
"""
)
