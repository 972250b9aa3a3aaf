"""`recell probe MODULE:FUNCTION[:PLACE] --print x,y -- script.py`: a program probed without touching it."""

from __future__ import annotations

import sys
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.errors import RecellError, short
from recell.rewriting.places import ENTRY, ERROR, EXIT

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence

__all__ = ["add_arguments", "run_probe"]

_MOMENTS = {"entry": ENTRY, "exit": EXIT, "error": ERROR}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "target",
        metavar="MODULE:FUNCTION[:PLACE]",
        help="PLACE is the number of a line, its text, entry (without a place), exit or error; "
        "MODULE is __main__ for the script itself",
    )
    parser.add_argument("--print", dest="names", metavar="NAMES", default="", help="variables to show: x,y")
    parser.add_argument("--when", metavar="EXPRESSION", help="only where this is true")
    parser.add_argument("--times", metavar="N", type=int, help="at most so often")
    parser.add_argument("script", metavar="-- SCRIPT ARGUMENTS", nargs="+", help="the program to run")


def run_probe(options: Namespace) -> int:
    """Run a program with a probe in it; return 2 where the probe cannot be placed."""
    module, _, rest = options.target.partition(":")
    path, _, place = rest.partition(":")
    if not module or not path:
        print(f"recell probe: {options.target!r} is not MODULE:FUNCTION[:PLACE]", file=sys.stderr)
        return 2
    at = _MOMENTS.get(place or "entry", int(place) if place.isdecimal() else place)
    names = [name.strip() for name in options.names.split(",") if name.strip()]
    wrong = [name for name in names if not name.isidentifier()]
    if wrong:
        print(f"recell probe: --print takes names of variables, not {wrong[0]!r}", file=sys.stderr)
        return 2
    action = _printing(f"{module}:{path}:{place or 'entry'}", names)
    script, *arguments = (
        [each for each in options.script if each != "--"] if "--" in options.script[:1] else options.script
    )
    from os.path import abspath, dirname

    before = sys.argv[:], sys.path[:]
    sys.argv[:], sys.path[0:0] = [script, *arguments], [dirname(abspath(script))]
    try:
        return _run(module, path, at, action, options, script)
    finally:
        sys.argv[:], sys.path[:] = before


def _run(
    module: str, path: str, at: Any, action: Callable[..., None], options: Namespace, script: str
) -> int:
    from recell.rewriting.probing import probe

    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        print(f"recell probe: {error}", file=sys.stderr)
        return 2
    change: Any = None
    hits: Callable[[], int]
    try:
        if module == "__main__":
            code, hits = _probed_script(code, path, action, at, options)
        else:
            import importlib

            target: Any = importlib.import_module(module)
            for name in path.split("."):
                target = getattr(target, name)
            change = probe(target, action, at=at, when=options.when, times=options.times).start()

            def hits() -> int:
                return change.hits  # type: ignore[no-any-return]

    except (ImportError, AttributeError, TypeError, RecellError) as error:
        print(f"recell probe: {error}", file=sys.stderr)
        return 2
    main = ModuleType("__main__")
    main.__file__ = script
    kept, sys.modules["__main__"] = sys.modules["__main__"], main
    try:
        exec(code, main.__dict__)
    finally:
        sys.modules["__main__"] = kept
        if change is not None:
            change.undo()
        shown = hits()
        print(f"recell probe: {shown} hit{'' if shown == 1 else 's'}", file=sys.stderr)
    return 0


def _probed_script(
    code: CodeType, path: str, action: Callable[..., None], at: Any, options: Namespace
) -> tuple[CodeType, Any]:
    """Return the code of a script with a probe in one of its functions, and what tells the hits."""
    from recell.code.tree import nested_chain
    from recell.functions.make_function import make_function
    from recell.rewriting.placing import Placing

    chain = (code, *nested_chain(code, path, None, code))
    inside = chain[-1]
    model = make_function(inside, closure=dict.fromkeys(inside.co_freevars), verify=False)
    placing = Placing(model, inside, action, at, options.when, options.times)
    new = placing(inside)
    for outer, old in zip(reversed(chain[:-1]), reversed(chain[1:])):
        new = outer.replace(
            co_consts=tuple([new if constant is old else constant for constant in outer.co_consts])
        )
    return new, lambda: placing.hook.hits


def _printing(label: str, names: Sequence[str]) -> Callable[..., None]:
    """Return an action that shows variables."""

    def show(values: dict[str, object]) -> None:
        shown = " ".join(f"{name}={short(value)}" for name, value in values.items())
        print(f"{label} {shown}".rstrip(), file=sys.stderr)

    parameters = ", ".join(names)
    pairs = ", ".join(f"{name!r}: {name}" for name in names)
    space: dict[str, Any] = {"show_": show}
    exec(f"def action({parameters}):\n    show_({{{pairs}}})\n", space)
    action: Callable[..., None] = space["action"]
    return action
