"""The command line: `recell tour`, `inspect MODULE:NAME`, `probe MODULE:FUNCTION`, `doctor`; `python -m recell`."""

from __future__ import annotations

import argparse
import os
import sys

import recell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.inspecting import Form

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 when all went well, 1 when something did not work, 2 for bad use."""
    from recell.rewriting.command import add_arguments

    parser = argparse.ArgumentParser(prog="recell", description=(recell.__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"recell {recell.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("tour", help="every capability at work on real functions, checked step by step")
    inspect = commands.add_parser(
        "inspect",
        help="a function's closure: values, cells, who shares them",
        description="Show a function's closure. The module is imported, which runs its code; what that prints goes to "
        "stderr.",
    )
    inspect.add_argument("target", metavar="MODULE:NAME", help="for example json.decoder:JSONDecoder.decode")
    output = inspect.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument(
        "--dot", action="store_true", help="print a graph of functions and cells for Graphviz"
    )
    add_arguments(commands.add_parser("probe", help="run a program with a probe in one of its functions"))
    commands.add_parser("doctor", help="what works on this interpreter, found out by doing it")
    options = parser.parse_args(arguments)
    # trees and reprs may hold any character; a narrow terminal shows escapes
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        status = _run(options)
        getattr(sys.stdout, "flush", bool)()  # what goes wrong in it is told here, not while Python ends
    except BrokenPipeError:  # pragma: no cover - in a child process
        # whoever reads has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if status is None:
        parser.print_help()
        return 2
    return status


def _run(options: argparse.Namespace) -> int | None:
    """Run the command; None where none was given."""
    if options.command == "tour":
        from recell.tour import run

        return 0 if run(sys.stdout) else 1
    if options.command == "inspect":
        from recell.inspecting import run_inspect

        sys.path.insert(0, "")  # modules of the folder one stands in, as `python -m recell` finds them
        try:
            form: Form = "json" if options.json else "dot" if options.dot else "tree"
            return run_inspect(options.target, form, sys.stdout, sys.stderr)
        finally:
            if "" in sys.path:
                sys.path.remove("")
    if options.command == "probe":
        from recell.rewriting.command import run_probe

        return run_probe(options)
    if options.command == "doctor":
        from recell.doctor import run_doctor

        return 0 if run_doctor(sys.stdout) else 1
    return None


if __name__ == "__main__":
    sys.exit(main())
