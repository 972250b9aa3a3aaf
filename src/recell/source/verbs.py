"""Functions made while the program runs, from a text: with real closures, and with lines that debuggers show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.public import public
from recell.source.bodies import build_function
from recell.source.defining import Definition
from recell.source.forwarding import forward

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

__all__ = ["build_function", "define", "forward"]


@public
def define(
    source: str,
    /,
    *,
    globals: dict[str, Any] | None = None,
    closure: Mapping[str, object] | None = None,
    name: str | None = None,
    filename: str | None = None,
    class_name: str | None = None,
    strict: bool = True,
) -> FunctionType:
    """Define a function by its text.

    Tracebacks, `inspect.getsource` and pdb show the text's lines for as long as any code made from it lives.
    The text must be trusted: its decorators and default values run at once.

    Args:
        source: one `def`, `async def` or lambda, indented as it may be; nothing in it is changed.
        globals: its global names, a namespace of its own without the argument. Where they are those of a module
            with `from __future__ import annotations`, that counts for the text too.
        closure: free variable -> value: a cell is shared, `EMPTY` is an empty cell, anything else becomes the
            contents of a fresh cell, and a `Closure` shares its cells. The text may assign them (`nonlocal`).
        name: a name other than the one in the text; a lambda has none otherwise.
        filename: the file that tracebacks show; a new name (`<recell f #1>`) without the argument. Where it is an
            existing file, the lines shown are that file's: give the text the place that it has there.
        class_name: the class whose method it will be: private names are mangled, and `super()` and `__class__`
            look into the cell `__class__`, which is empty unless `closure` gives it (`attach` fills it).
        strict: False ignores names in `closure` that the text does not use as free variables.

    Returns:
        The function; for a decorated one what its decorators return.

    Raises:
        SourceError: the text is no valid Python (line and column are those of the text), defines no function,
            several, or something else too; or a name is no identifier or a keyword.
        FreeVariableError: the text does not use a name in `closure` as a free variable, and `strict` is true.
        TypeError: an argument has the wrong type.

    >>> from recell import define
    >>> bump = define('''
    ...     def bump(step=1):
    ...         nonlocal count
    ...         count += step
    ...         return count
    ... ''', closure={"count": 41})
    >>> bump(), bump(2), bump.__code__.co_freevars
    (42, 44, ('count',))
    """
    return Definition(source, globals, closure, name, filename, class_name, strict).made()  # type: ignore[no-any-return]
