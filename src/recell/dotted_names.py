"""Dotted names, `package.module.Class.attribute`, followed to the object that they mean."""

from __future__ import annotations

import sys
from importlib import import_module

from recell.errors import hint_nearest, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["holder_of", "resolve"]


def resolve(name: str) -> Any:
    """Return the object that a dotted name means; modules are imported as they are met.

    Raises:
        TypeError: the name is empty, or has empty parts.
        ModuleNotFoundError: there is no module of the first name.
        ImportError: a module on the way fails to import.
        AttributeError: something on the way has no such attribute.

    >>> from recell.dotted_names import resolve
    >>> resolve("os.path.join").__name__
    'join'
    """
    first, *rest = parts = name.split(".")
    if not all(parts):
        msg = f"{name!r} is no dotted name; give the path of something that can be imported: 'package.module.name'"
        raise TypeError(msg)
    try:
        found: Any = import_module(first)
    except ModuleNotFoundError as error:
        if error.name != first:
            raise
        known = {known.partition(".")[0] for known in sys.modules}
        msg = f"{name!r} leads nowhere: there is no module {first!r}{hint_nearest(first, known)}"
        raise ModuleNotFoundError(msg, name=first) from None
    path = first
    for part in rest:
        path = f"{path}.{part}"
        found = _attribute(found, part, path, name)
    return found


def holder_of(name: str) -> tuple[Any, str]:
    """Return the object that has the attribute which a dotted name means, and the attribute's name.

    Raises:
        TypeError: the name has no dot.
        ImportError, AttributeError: as `resolve`.
    """
    holder, dot, attribute = name.rpartition(".")
    if not dot:
        msg = f"{name!r} is no dotted name; give 'module.name', or an object and the name of its attribute"
        raise TypeError(msg)
    return resolve(holder), attribute


def _attribute(found: Any, part: str, path: str, name: str) -> Any:
    try:
        return getattr(found, part)
    except AttributeError:
        pass
    if hasattr(found, "__path__"):  # a package, and perhaps a module in it that nobody has imported
        try:
            module = import_module(path)
        except ModuleNotFoundError as error:
            if error.name != path:
                raise
        else:
            return getattr(found, part, module)
    msg = f"{name!r} leads nowhere: {short(found)} has no attribute {part!r}{hint_nearest(part, dir(found))}"
    raise AttributeError(msg)
