"""The check that a replacement can be called with the arguments of a function, as they are bound."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from recell.errors import listed, short
from recell.local.templates import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType

__all__ = ["check_takes"]


def check_takes(func: FunctionType, code: CodeType, replacement: Callable[..., Any], verb: str) -> None:
    """Refuse a replacement that cannot take the parameters of a function.

    Positional parameters come by position, keyword-only ones by name, defaults filled in. What has no signature is
    taken as it is.

    Raises:
        TypeError: it cannot, and why.
    """
    try:
        signature = inspect.signature(replacement, follow_wrapped=False)
    except (ValueError, TypeError):
        return
    reason = _reason(code, signature)
    if reason:
        msg = (
            f"{short(func)} keeps its parameters, and {short(replacement)} cannot take them: {reason}; {verb} calls it "
            f"with the arguments as they are bound. Give it the same parameters, or *args and **kwargs"
        )
        raise TypeError(msg)


def _reason(code: CodeType, signature: inspect.Signature) -> str:
    """Return why a signature cannot take what is handed on; nothing where it can."""
    shape = shape_of(code)
    parameters = list(signature.parameters.values())
    kinds = inspect.Parameter
    has_star = any(one.kind is kinds.VAR_POSITIONAL for one in parameters)
    has_stars = any(one.kind is kinds.VAR_KEYWORD for one in parameters)
    places = [one for one in parameters if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    count = shape.positional_only + shape.positional
    if count > len(places) and not has_star:
        return f"it takes {len(places)} positional arguments, not {count}"
    if shape.star and not has_star:
        return "it takes no *args"
    if shape.stars and not has_stars:
        return "it takes no **kwargs"
    by_name = {one.name for one in places[count:] if one.kind is kinds.POSITIONAL_OR_KEYWORD}
    by_name |= {one.name for one in parameters if one.kind is kinds.KEYWORD_ONLY}
    unknown = [name for name in shape.keyword_only if name not in by_name]
    if unknown and not has_stars:
        return f"it takes no {listed(unknown)} by name"
    twice = [one.name for one in places[:count] if one.name in shape.keyword_only]
    if twice and any(one.kind is kinds.POSITIONAL_OR_KEYWORD for one in places[:count] if one.name in twice):
        return f"it would get {listed(twice)} twice"
    missing = [
        one.name
        for one in (*places[count:], *[one for one in parameters if one.kind is kinds.KEYWORD_ONLY])
        if one.default is kinds.empty and one.name not in shape.keyword_only
    ]
    return f"it needs {listed(missing)} as well" if missing else ""
