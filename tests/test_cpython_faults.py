"""CPython's own faults, each with its issue where there is one: what they do without recell, and that recell makes them no worse.

Where a program does what it should, the fault is fixed on this release; what it must never do is a third thing.
Each program runs in a process of its own, since some of these kill it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recell

SOURCES = Path(recell.__file__).parent.parent


class Fault:
    """A program that defines `func`; `func()` should return `right`, and with the fault it does what `wrong` says.

    Args:
        issue: in CPython's tracker.
        text: the program.
        right: the repr of what it should return.
        wrong: what it does where the fault is: a repr, an exception's name, or "crash"; several with a bar between.
        since: the first release with the fault.
    """

    def __init__(self, issue: str, text: str, right: str, wrong: str, since: tuple[int, int]) -> None:
        self.issue, self.text, self.right, self.wrong, self.since = issue, text, right, wrong, since


FAULTS = [
    # a comprehension's own cell, named as a free variable of the function that it is inlined in
    Fault(
        "gh-121377",
        "def make(x):\n    def func():\n        return [(lambda: x)() for x in (1, 2)], x\n    return func\nfunc = make(7)",
        "([1, 2], 7)",
        "([1, 2], 2)",
        (3, 12),
    ),
    Fault(
        "gh-121377",
        "def make(x):\n    def func():\n        [lambda: x for x in (1,)]\n        return (lambda: x)()\n    return func\nfunc = make(7)",
        "7",
        "NameError",
        (3, 12),
    ),
    # the same in a class body; 3.14 compiles it rightly
    Fault(
        "gh-121377",
        "def func(x=7):\n    class C:\n        y = [lambda: x for x in (1,)]\n        z = x\n    return C.z",
        "7",
        "1|crash",
        (3, 12),
    ),
    # an iteration variable, and then a free variable in another comprehension
    Fault(
        "gh-156664",
        "def make(x):\n    def func():\n        [x for x in [1]]\n        return [x for _ in [1]]\n    return func\nfunc = make(3)",
        "[3]",
        "UnboundLocalError",
        (3, 12),
    ),
    # locals() while a comprehension's variable stands in the place of a cell
    Fault(
        "gh-128396",
        "def func(x=3):\n    g = lambda: x\n    return [len(locals()) > 0 for x in (1,)], g()",
        "([True], 3)",
        "crash",
        (3, 13),
    ),
    # a generic class in a class takes what the namespace around it has under this name for a tuple; nobody wrote of it
    Fault(
        ".type_params",
        'class Meta(type):\n    @classmethod\n    def __prepare__(cls, *args):\n        return {\'.type_params\': 5}\ndef func():\n    exec("def f():\\n class A(metaclass=Meta):\\n  class B[C]: pass\\nf()", {\'Meta\': Meta})\n    return 1\n',
        "1",
        "SyntaxError|crash",
        (3, 8),
    ),
    # what an iterator's throw() raises is taken for a StopIteration that has a value; nobody wrote of it
    Fault(
        "StopIteration.__new__",
        'class Throws:\n    def __iter__(self): return self\n    def __next__(self): return 1\n    def throw(self, *args): raise StopIteration.__new__(StopIteration)\ndef delegates():\n    return (yield from Throws())\ndef func():\n    running = delegates()\n    next(running)\n    try:\n        running.throw(KeyError)\n    except StopIteration as stop:\n        return stop.value\n',
        "None",
        "crash",
        (3, 8),
    ),
    # arguments of what `code.replace` made are not marked as such, which debug builds assert
    Fault(
        "gh-87859",
        "def plain(value):\n    return value * 2\nplain.__code__ = plain.__code__.replace(co_name='other')\n"
        "def func():\n    try:\n        from concurrent import interpreters\n    except ImportError:\n        return 8\n"
        "    made = interpreters.create()\n    try:\n        return made.call(plain, 4)\n    finally:\n        made.close()",
        "8",
        "crash",
        (3, 14),
    ),
]  # fmt: skip

AFTER = {
    "nothing": "",
    "replace": "func = recell.replace(func)",
    "clone": "func = recell.clone(func)",
    "freeze": "func = recell.freeze(func) if func.__closure__ else recell.replace(func)",
    "promote": "func = recell.promote(func, {'len': len, 'C': 1}, strict=False)",
    "demote": "func = recell.demote(func) if func.__closure__ else recell.replace(func)",
    "override": "change = recell.override(func, len=len).start() if 'len' in func.__code__.co_names else None",
}


def outcome(text: str, after: str) -> str:
    """What the program's function returns as a repr, the name of what it raises, or how the process ended."""
    script = (
        f"import sys; sys.path.insert(0, {str(SOURCES)!r})\nimport recell\n{text}\n"
        f"try:\n    {after or 'pass'}\n"
        "except recell.RecellError as error:\n    print('refused'); raise SystemExit\n"
        "try:\n    print(repr(func()))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    if done.returncode < 0:
        return "crash"
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.issue)
def test_recell_makes_a_fault_no_worse(fault: Fault) -> None:
    """The program does what it should, or what the issue says; edited, the same, or the edit is refused."""
    plain = outcome(fault.text, "")
    if sys.version_info < fault.since:
        assert plain == fault.right
    assert plain in (fault.right, *fault.wrong.split("|")), f"{fault.issue}: a third outcome"
    for verb, after in AFTER.items():
        edited = outcome(fault.text, after)
        # an edit may happen to do what the text means
        assert edited in (plain, fault.right, "refused"), (verb, plain, edited)


def test_code_that_no_compiler_makes_is_refused() -> None:
    """`CodeType.replace` looks at little, and what it lets through kills the interpreter; that counts as no fault of
    CPython's (gh-141390, gh-140776, gh-156075): recell looks."""
    made = outcome(
        "def func(x=1):\n    return x, len\n",
        "func = recell.replace(func, code=func.__code__.replace(co_names=()))",
    )
    assert made == "refused"
    assert (
        outcome(
            "def func(x=1):\n    return lambda: x\n", "recell.verify(func.__code__.replace(co_stacksize=0))"
        )
        == "refused"
    )
