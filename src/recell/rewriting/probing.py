"""`probe`: a callable at a line, an entry, an exit or an error of an existing function."""

from __future__ import annotations

from types import CellType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, function_of
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.edits import CODE_EDIT, TEXT
from recell.layers.records import layers_of, up_to
from recell.public import public
from recell.rewriting.layering import CodeLayer, Known
from recell.rewriting.placing import Placing
from recell.rewriting.probe_edits import holds

if TYPE_CHECKING:
    from collections.abc import Callable

    from recell.rewriting.places import Moment

__all__ = ["Probe", "probe"]


@public
class Probe(Change):
    """A `Change` made by `probe`, which counts.

    >>> from recell import ENTRY, probe
    >>> def add(a, b):
    ...     return a + b
    >>> seen = []
    >>> with probe(add, lambda a: seen.append(a), at=ENTRY) as entered:
    ...     add(1, 2), entered.hits, entered.placed
    (3, 1, True)
    >>> seen, entered.hits, entered.placed
    ([1], 1, False)
    """

    __slots__ = ("_placing",)

    def __init__(self, target: object, placing: Placing) -> None:
        self._placing = placing
        layer = CodeLayer(placing.func, Known(placing), {})
        layer(up_to(placing.func, CODE_EDIT))  # what is wrong with it is told now
        super().__init__("probe", target, around(caches_in(target), (layer,)))

    @property
    def hits(self) -> int:
        """How often control passed the place and the condition held, up to `times`."""
        return self._placing.hook.hits

    @property
    def placed(self) -> bool:
        """True while the probe is in the code that runs: not where a swap hides it, or its line is gone."""
        if not self.active:
            return False
        func, hook = self._placing.func, self._placing.hook
        for layer in reversed(layers_of(func)):
            if layer.rank <= CODE_EDIT:
                break
            if hasattr(layer, "replacement") and not _passes_on(layer):
                return False
        return holds(up_to(func, CODE_EDIT).code, hook)

    def _about(self) -> tuple[str, ...]:
        hits = self.hits
        where = self._placing.described()
        hidden = ("not in the code that runs",) if self.active and not self.placed else ()
        return (where, f"{hits} hit{'s' if hits != 1 else ''}", *hidden)


def _passes_on(swapped: Any) -> bool:
    """Say whether a replacement leads to what it replaced, as a decorator's does."""
    replacement, original = swapped.replacement, swapped.original
    if original is None:
        return False
    if replacement is original:
        return True
    cells = getattr(replacement, "__closure__", None) or ()
    held = [cell.cell_contents for cell in cells if cell != CellType()]
    return any(one is original for one in (*held, *getattr(replacement, "__dict__", {}).values()))


@public
def probe(
    func: Any,
    action: Callable[..., object],
    /,
    *,
    at: int | str | Moment,
    when: str | None = None,
    times: int | None = None,
) -> Probe:
    """Return a change that calls `action` whenever control comes to a place in a function.

    Args:
        func: a function, or anything that stands for one; of a bound method the class's function.
        action: its parameters are variables of the function, by name: `EMPTY` where one is unbound. At `EXIT` there is
            `result` besides, at `ERROR` `error`. Parameters with a default need not be variables. What it returns is
            ignored, and what it raises propagates into the function.
        at: the number of a line, its stripped text (unique in the function, nested functions included), `ENTRY`
            (of a generator or coroutine: when its body starts), `EXIT` (a return) or `ERROR` (an exception that leaves
            the function, `GeneratorExit` included).
        when: an expression over variables of the function and its globals, compiled in place: the action runs where it
            is true. Where one of its variables is unbound it is taken as false.
        times: how often the action runs at most.

    Returns:
        A change that counts: `hits`, and that says whether it is `placed`. Of several probes in one place the last
        that was entered comes first, at `EXIT` last. After a reload a probe is on the line with the same text.

    Raises:
        ScopeError: there is no such line, several have the text, or a name is no variable of the function.
        SourceError: the condition does not compile.
        UnsupportedCodeError: the function's code cannot be rewritten for a condition.
        TypeError: an argument has the wrong type, or `func` holds no Python function.

    >>> from recell import probe
    >>> def total(prices):
    ...     result = 0
    ...     for price in prices:
    ...         result += price
    ...     return result
    >>> line = total.__code__.co_firstlineno + 3
    >>> with probe(total, print, at=line, when="price > 100") as expensive:
    ...     total([5, 500, 700])
    <BLANKLINE>
    <BLANKLINE>
    1205
    >>> expensive.hits
    2
    """
    function = function_of(func, "probe")
    text = up_to(function, TEXT).code
    return Probe(func, Placing(function, text, action, at, when, times))
