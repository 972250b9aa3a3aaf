"""Functions defined while the program runs: from a text, from a signature, from a template."""

from __future__ import annotations

from typing import Any

import recell
from recell.tour import Stage, Step

TEXT = """
    def running_mean(value):
        nonlocal total, count
        total += value
        count += 1
        return total / count
"""


def define_a_closure(stage: Stage) -> None:
    """A text becomes a closure, and its lines are there for tracebacks, inspect and the debugger."""
    import inspect
    import linecache
    import traceback

    mean: Any = recell.define(TEXT, closure={"total": 0, "count": 0})
    stage.did('mean = recell.define(text, closure={"total": 0, "count": 0})', mean)
    stage.did("mean(2), mean(4)", (mean(2), mean(4)))
    stage.check("the names are real free variables", dict(recell.closure(mean)) == {"total": 6, "count": 2})
    stage.check("inspect shows its source", "nonlocal total, count" in inspect.getsource(mean))
    try:
        mean("no number")
    except TypeError as error:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        stage.say("a traceback shows its line: " + " ".join(lines[-2].split()))
        stage.check("a traceback shows the line that failed", "total += value" in lines[-2])
    power: Any = recell.build_function("power", "(base, exponent=2)", ["return base ** exponent"])
    stage.did('recell.build_function("power", "(base, exponent=2)", ["return base ** exponent"])', power)
    stage.check("a signature and a body become a function", (power(3), power(2, exponent=3)) == (9, 8))
    name = mean.__code__.co_filename
    stage.check("its lines are known", name in linecache.cache)


def forward_a_signature(stage: Stage) -> None:
    """A wrapper with exactly the signature of a function of the standard library."""
    import inspect
    import shutil

    calls: list[str] = []

    def log(*args: Any, **options: Any) -> Any:
        calls.append(f"{args} {options}")

    copy: Any = recell.forward(log, signature=inspect.signature(shutil.copytree))
    stage.did("recell.forward(log, signature=inspect.signature(shutil.copytree))", copy)
    stage.did("inspect.signature(copy)", inspect.signature(copy))
    stage.check("the signature is the same", inspect.signature(copy) == inspect.signature(shutil.copytree))
    copy("here", "there", symlinks=True)
    stage.check("the call came through", len(calls) == 1 and "here" in calls[0])
    try:
        copy("here", nowhere="there")
    except TypeError as error:
        stage.say(f"a wrong call is refused as the original would: {error}")
        stage.check("and never reaches the callable", len(calls) == 1)


def stamp_out_variants(stage: Stage) -> None:
    """Accessors of many names from one compiled template, without a compiler."""

    def template(self: Any) -> Any:
        return self.FIELD, "WHERE"

    getters = {
        name: recell.substitute(template, rename={"FIELD": name}, constants={"WHERE": name})
        for name in ("real", "imag")
    }
    stage.did(
        'recell.substitute(template, rename={"FIELD": "imag"}, constants={"WHERE": "imag"})', getters["imag"]
    )
    stage.did(
        "getters['real'](3+4j), getters['imag'](3+4j)", (getters["real"](3 + 4j), getters["imag"](3 + 4j))
    )
    stage.check("each variant reads its own attribute", getters["imag"](3 + 4j) == (4.0, "imag"))
    stage.check("the template is as it was", template.__code__.co_names == ("FIELD",))


STEPS = [
    Step("A text defined as a closure, with lines to debug", ("define", "build_function"), define_a_closure),
    Step("A signature forwarded: shutil.copytree", ("forward",), forward_a_signature),
    Step("Variants stamped out of a template", ("substitute",), stamp_out_variants),
]
