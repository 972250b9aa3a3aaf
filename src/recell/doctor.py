"""`recell doctor`: what works on this interpreter, found out by doing it."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any, List, NamedTuple, TextIO

import recell

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CAPABILITIES", "Capability", "examine", "run_doctor"]

LIMIT = 2
"""A global that the probes read."""


class Capability(NamedTuple):
    """Something recell does, and a probe that does it; the probe raises where it does not work."""

    name: str
    probe: Callable[[], None]


class Finding(NamedTuple):
    """What a probe showed: "works", "not here" (refused with a reason) or "BROKEN"."""

    name: str
    state: str
    detail: str


def ensure(holds: bool, what: str) -> None:
    """Like an assert statement, but unaffected by -O."""
    if not holds:
        raise AssertionError(what)


def counter(count: int) -> Any:
    """A closure to work on."""

    def bump(step: int = 1) -> int:
        nonlocal count
        count += step
        return count

    return bump


def limited(values: list[int]) -> int:
    """A function that reads a global and a builtin."""
    return len(values) * LIMIT


class Base:
    """A class with something for `super()` to reach."""

    def who(self) -> str:
        return "base"


def probe_cells() -> None:
    bump = counter(1)
    recell.closure(bump)["count"] = 41
    ensure(bump() == 42, "a closure's cell was written")
    ensure(recell.owners(recell.closure(bump).cells["count"]) == [bump], "the owner of a cell was found")


def probe_copies() -> None:
    bump = counter(1)
    ensure(recell.rebind(bump, count=5)() == 6, "rebind gave a cell of its own")
    ensure(recell.clone(bump)() == 2 and bump() == 2, "a clone counts by itself")
    ensure(recell.replace(bump, defaults={"step": 10})() == 12, "replace changed a default and kept the cell")


def probe_make_function() -> None:
    ensure(recell.make_function(counter(0).__code__, closure={"count": 1}, defaults=(1,))() == 2, "it runs")


def probe_verify() -> None:
    recell.verify(limited.__code__)
    empty = limited.__code__.replace(co_consts=(), co_names=())
    try:
        recell.verify(empty)
    except recell.UnsafeCodeError:
        return
    ensure(False, "code that reads names which are not there was refused")


def probe_scopes() -> None:
    ensure("LIMIT" in recell.scope(limited).globals, "scope saw the global")
    promoted = recell.promote(limited, LIMIT=10)
    ensure(promoted([1]) == 10 and limited([1]) == 2, "promote gave the copy a cell")
    ensure(recell.demote(promoted, "LIMIT")([1]) == 10, "demote turned it into a global again")
    ensure(recell.freeze(limited, LIMIT=7)([1]) == 7, "freeze made it a constant")


def probe_generation() -> None:
    twice = recell.define("def twice(x):\n    return x * factor\n", closure={"factor": 2})
    ensure(twice(4) == 8, "a text became a closure")
    area = recell.build_function("area", "(width, height=2)", ["return width * height"])
    ensure(area(3) == 6, "a signature and a body became a function")
    ensure(recell.forward(limited)([1]) == 2, "a forwarder passes on")
    renamed: Any = recell.substitute(limited, rename={"values": "items"})
    ensure(renamed(items=[1]) == 2, "a parameter was renamed")


def probe_nested() -> None:
    inner = recell.inner(counter, "bump", count=1)
    ensure(inner() == 2, "a nested function ran without its outer")
    ensure(recell.replace_inner(counter, "bump", lambda: "new")(1)() == "new", "an outer makes another one")
    with recell.patch_inner(counter, "bump", lambda: "patched"):
        ensure(counter(1)() == "patched", "in place")
    ensure(counter(1)() == 2, "and undone")


def probe_classes() -> None:
    class Child(Base):
        pass

    def who(self: Any) -> str:
        return "child of " + str(super().who())  # type: ignore[misc]

    change = recell.attach(Child, who)
    ensure(Child().who() == "child of base", "super() works in an attached function")
    change.undo()
    ensure("who" not in vars(Child), "and it is gone again")


def probe_patch_closure() -> None:
    bump = counter(1)
    with recell.patch_closure(bump, count=10):
        ensure(bump() == 11, "patched")
    ensure(bump() == 2, "undone")


def two(values: list[int]) -> int:
    """Stands in for `len`."""
    return 2


def probe_override() -> None:
    code = limited.__code__
    with recell.override(limited, LIMIT=5, len=two):
        ensure(limited([1]) == 10, "a global and a builtin were faked")
    ensure(limited([1]) == 2 and limited.__code__ is code, "undone, the very same code")


def probe_swap() -> None:
    bump = counter(1)
    before = bump.__code__, bump.__closure__

    def pair(first: int, second: int) -> Any:
        return lambda step=0: (first, second, step)

    change = recell.swap(bump, pair(8, 9))
    ensure(bump() == (8, 9, 0), "a function with other free variables took over")
    change.undo()
    ensure(bump.__code__ is before[0] and bump.__closure__ is before[1] and bump() == 2, "undone")
    calls: List[object] = []

    def counting(original: Any) -> Any:
        def count() -> object:
            calls.append(original)
            return original()

        return count

    with recell.wrap(bump, counting):
        bump()
    bump()
    ensure(len(calls) == 1, "one call was counted")


def probe_reload() -> None:
    from types import ModuleType

    module = ModuleType("recell_doctor_patient")
    text = "def answer():\n    return 41\n"
    exec(compile(text, "<patient>", "exec"), vars(module))
    answer = module.answer
    change = recell.reload(module, source=text.replace("41", "42"))
    ensure(answer() == 42, "the function that was there follows the new text")
    change.undo()
    ensure(answer() == 41, "undone")


CAPABILITIES = [
    Capability("cells and live closures", probe_cells),
    Capability("rebind, replace, clone", probe_copies),
    Capability("verify", probe_verify),
    Capability("make_function", probe_make_function),
    Capability("scope, promote, demote, freeze", probe_scopes),
    Capability("define, build_function, forward, substitute", probe_generation),
    Capability("inner, replace_inner, patch_inner", probe_nested),
    Capability("attach: super() in added methods", probe_classes),
    Capability("patch_closure", probe_patch_closure),
    Capability("override", probe_override),
    Capability("swap and wrap in place", probe_swap),
    Capability("reload", probe_reload),
]


def examine() -> list[Finding]:
    """Every capability with what its probe showed."""
    findings: List[Finding] = []
    for capability in CAPABILITIES:
        try:
            capability.probe()
        except recell.UnsupportedPythonError as refusal:
            findings.append(Finding(capability.name, "not here", str(refusal)))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
            findings.append(Finding(capability.name, "BROKEN", f"{type(error).__name__}: {error}"))
        else:
            findings.append(Finding(capability.name, "works", ""))
    return findings


def run_doctor(out: TextIO) -> bool:
    """Print the table; returns whether everything works."""
    out.write(
        f"recell {recell.__version__} on {platform.python_implementation()} {sys.version.splitlines()[0]}\n"
    )
    findings = examine()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = f"  {finding.name:<{width}}  {finding.state}  {finding.detail}"
        out.write(line.rstrip() + "\n")
    works = sum(finding.state == "works" for finding in findings)
    out.write(f"{works} of {len(findings)} capabilities work here\n")
    return works == len(findings)
