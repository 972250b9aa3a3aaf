"""Hot reload, on the standard library's `http.server` and on closures that were made before the edit."""

from __future__ import annotations

import types
from typing import Any

import recell
from recell.tour import Stage, Step

COUNTER = """
def counter(start):
    count = start
    def bump(step={step}):
        nonlocal count
        count += step
        return count
    return bump
"""


def reload_a_closure(stage: Stage) -> None:
    """Closures that live already follow the new text, and keep their state; undo takes it back."""
    module = types.ModuleType("counters")
    exec(compile(COUNTER.format(step=1), "counters.py", "exec", dont_inherit=True), vars(module))
    made: Any = module
    bump = made.counter(40)
    stage.did("bump = counters.counter(40); bump()", bump())
    stage.say("in the text, the default of `step` becomes 10:")
    report = recell.reload(module, source=COUNTER.format(step=10))
    for line in str(report).splitlines():
        stage.say(f"  {line}")
    result = bump()
    stage.did("bump()", result)
    stage.check("the living closure follows and keeps its count", result == 51)
    report.undo()
    result = bump()
    stage.did("report.undo(); bump()", result)
    stage.check("undone: it steps by one again", result == 52)


def reload_the_standard_library(stage: Stage) -> None:
    """A method of http.server edited in its text: classes and instances stay, the text takes effect at once."""
    from http import server

    text = stage.source(server.__file__)
    handler = server.SimpleHTTPRequestHandler
    before = vars(handler)["guess_type"]
    edited = text.replace(
        "def guess_type(self, path):", "def guess_type(self, path):\n        return 'text/tour'", 1
    )
    stage.did("planned = recell.reload(http.server, source=edited, dry_run=True)")
    planned = recell.reload(server, source=edited, dry_run=True)
    stage.did("planned.changed", planned.changed)
    stage.check(
        "a dry run tells and changes nothing", vars(handler)["guess_type"] is before and not planned.active
    )
    instance = handler.__new__(handler)
    with recell.reload(server, source=edited) as report:
        stage.did("recell.reload(http.server, source=edited)", report)
        guessed = instance.guess_type("page.html")
        stage.did('handler.guess_type("page.html")', guessed)
        stage.check("a handler that exists already runs the new text", guessed == "text/tour")
        stage.check("class and method are the very same objects", vars(handler)["guess_type"] is before)
        stage.check("functions below the edit know their new lines", report.moved != ())
    stage.check(
        "undone: the old text again",
        before.__code__.co_firstlineno and instance.guess_type("a.png") == "image/png",
    )


def reload_all_or_nothing(stage: Stage) -> None:
    """A reload that fails, or is refused, changes nothing."""
    module = types.ModuleType("fragile")
    old = "class A:\n    __slots__ = ()\ndef f(): return 1\n"
    exec(old, vars(module))
    names = dict(vars(module))
    try:
        recell.reload(module, source=old.replace("1", "2") + "1 / 0\n", was=old)
    except ZeroDivisionError as error:
        stage.did("recell.reload(fragile, source=…)  # raises half-way through", error)
    try:
        recell.reload(module, source=old.replace("()", "('x',)", 1), was=old)
    except recell.ReloadRefused as error:
        stage.did("recell.reload(fragile, source=…)  # changes __slots__", error)
        stage.check("refused with the reason", "__slots__" in str(error.report.refused[0]))
    stage.check("the module is what it was", dict(vars(module)) == names)


STEPS = [
    Step("Hot reload: closures that live already follow the new text", ("reload",), reload_a_closure),
    Step(
        "Hot reload: http.server edited while its classes are in use",
        ("reload",),
        reload_the_standard_library,
    ),
    Step("Hot reload: all or nothing", ("reload",), reload_all_or_nothing),
]
