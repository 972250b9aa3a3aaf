"""Signatures taken apart: names by kind, defaults and annotations as objects."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

from recell.errors import SourceError, hint_nearest, listed, short
from recell.flags import VARARGS, VARKEYWORDS
from recell.functions.annotations import HAS_ANNOTATE
from recell.functions.arguments import check_identifier
from recell.source.sourcelines import lines_of
from recell.source.textlines import ONLY_AST, problem, syntax_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Shape",
    "check_annotations",
    "checked_text",
    "in_signature",
    "is_signature",
    "merged",
    "shape_of_function",
    "shape_of_signature",
]

_good: set[str] = set()  # parameter names that were checked before


class Shape(NamedTuple):
    """The head of a function: parameters by kind, defaults, annotations."""

    positional_only: Tuple[str, ...]
    positional: Tuple[str, ...]
    """Those that may be given either way."""
    variable: Optional[str]
    keyword_only: Tuple[str, ...]
    keywords: Optional[str]
    defaults: Optional[Tuple[Any, ...]]
    kwdefaults: Optional[Dict[str, Any]]
    annotations: Optional[Dict[str, Any]]
    annotate: Any
    """The function that evaluates the annotations on demand (3.14+), in place of them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters in the order of the code: positional, keyword-only, `*args`, `**kwargs`."""
        names = (*self.positional_only, *self.positional, *self.keyword_only)
        if self.variable is not None:
            names = (*names, self.variable)
        return names if self.keywords is None else (*names, self.keywords)

    def head(self) -> str:
        """The parameters as a `def` spells them, with `...` for each default."""
        before = (*self.positional_only, *self.positional)
        bare = len(before) - len(self.defaults or ())
        parts = [name if index < bare else f"{name}=..." for index, name in enumerate(before)]
        if self.positional_only:
            parts.insert(len(self.positional_only), "/")
        if self.variable is not None:
            parts.append("*" + self.variable)
        elif self.keyword_only:
            parts.append("*")
        given = self.kwdefaults or {}
        parts += [f"{name}=..." if name in given else name for name in self.keyword_only]
        if self.keywords is not None:
            parts.append("**" + self.keywords)
        return f"({', '.join(parts)})"

    def arguments(self) -> str:
        """The parameters handed on in a call, each as it came."""
        parts = [*self.positional_only, *self.positional]
        if self.variable is not None:
            parts.append("*" + self.variable)
        parts += [f"{name}={name}" for name in self.keyword_only]
        if self.keywords is not None:
            parts.append("**" + self.keywords)
        return f"({', '.join(parts)})"

    def annotate_function(self, func: FunctionType) -> None:
        """Give a function the annotations."""
        if self.annotate is not None:
            func.__annotate__ = self.annotate  # type: ignore[attr-defined]
        elif self.annotations:
            func.__annotations__ = self.annotations


def is_signature(obj: object) -> bool:
    """Return whether an object is an `inspect.Signature`, or does as one, without `inspect`."""
    return hasattr(obj, "parameters") and hasattr(obj, "return_annotation") and not isinstance(obj, type)


def shape_of_signature(signature: Any) -> Shape:
    """The shape of an `inspect.Signature`; what its own constructor would refuse is refused here too."""
    empty = signature.empty
    names: tuple[list[str], ...] = ([], [], [], [], [])
    defaults: list[Any] = []
    kwdefaults: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    reached = 0
    for parameter in signature.parameters.values():
        name, kind, default = parameter.name, int(parameter.kind), parameter.default
        if name not in _good:
            name = check_identifier(name, "a parameter")
            if len(_good) > 10_000:
                _good.clear()
            _good.add(name)
        if kind < reached or (kind in (2, 4) and names[kind]):
            msg = f"parameter `{name}` is out of order in {short(signature)}: {parameter.kind.description}"
            raise SourceError(msg, name=name)
        if any(name in others for others in names):
            msg = f"parameter `{name}` stands twice in {short(signature)}"
            raise SourceError(msg, name=name)
        reached = kind
        names[kind].append(name)
        if default is not empty:
            if kind < 2:
                defaults.append(default)
            elif kind == 3:
                kwdefaults[name] = default
        elif kind < 2 and defaults:
            msg = f"parameter `{name}` has no default and follows one that has, in {short(signature)}"
            raise SourceError(msg, name=name)
        if parameter.annotation is not empty:
            annotations[name] = parameter.annotation
    if signature.return_annotation is not empty:
        annotations["return"] = signature.return_annotation
    only, positional, variable, keyword_only, keywords = names
    return Shape(
        tuple(only),
        tuple(positional),
        variable[0] if variable else None,
        tuple(keyword_only),
        keywords[0] if keywords else None,
        tuple(defaults) or None,
        kwdefaults or None,
        annotations or None,
        None,
    )


def shape_of_function(func: FunctionType) -> Shape:
    """The shape of a plain function, from its code."""
    code = func.__code__
    names, count, only = code.co_varnames, code.co_argcount, code.co_posonlyargcount
    end = count + code.co_kwonlyargcount
    has_variable = bool(code.co_flags & VARARGS)
    annotate = func.__annotate__ if HAS_ANNOTATE else None  # type: ignore[attr-defined]
    return Shape(
        names[:only],
        names[only:count],
        names[end] if has_variable else None,
        names[count:end],
        names[end + has_variable] if code.co_flags & VARKEYWORDS else None,
        func.__defaults__,
        {**func.__kwdefaults__} if func.__kwdefaults__ else None,
        {**func.__annotations__} if annotate is None and func.__annotations__ else None,
        annotate,
    )


def checked_text(text: str) -> str:
    """A signature's text in its parentheses, if it is one and nothing else."""
    head = text.strip()
    if not head.startswith("("):
        head = f"({head})"
    try:
        tree: Any = compile(f"def _{head}:\n    pass", "<signature>", "exec", ONLY_AST, True)
    except (SyntaxError, ValueError) as error:
        raise in_signature(
            syntax_problem(error, f"def _{head}:", "<signature>"), text, len("def _")
        ) from None
    body = tree.body
    if len(body) != 1 or type(body[0]).__name__ != "FunctionDef" or type(body[0].body[0]).__name__ != "Pass":
        msg = "the signature's text holds more than a signature"
        raise problem(msg, text, "<signature>")
    if len(body[0].body) != 1 or body[0].body[0].col_offset != 4:
        msg = "the signature's text holds more than a signature"
        raise problem(msg, text, "<signature>")
    return head


def in_signature(error: SourceError, text: str, before: int) -> SourceError:
    """An error whose column counts in a `def` line, told of the signature's own text."""
    line, column = error.lineno or 1, error.offset or 1
    blank = text[: len(text) - len(text.lstrip())]
    if line == 1:
        column += len(blank) - blank.rfind("\n") - 1 - before - (not text.lstrip().startswith("("))
    line += blank.count("\n")
    lines = lines_of(text) or [""]
    if line > len(lines):  # where more was expected
        line, column = len(lines), len(lines[-1]) + 1
    column = max(1, min(column, len(text) + 1))
    reason = getattr(error, "reason", error.msg)
    return problem(f"in the signature: {reason}", text, "<signature>", line, column, reason=reason)


def check_annotations(annotations: Mapping[str, object] | None, parameters: tuple[str, ...]) -> None:
    """Refuse annotations of what is no parameter."""
    for name in annotations or ():
        if name != "return" and name not in parameters:
            msg = f"annotations has {name!r}, and the parameters are: {listed(parameters)}"
            raise ValueError(msg + hint_nearest(str(name), parameters))


def merged(annotations: Mapping[str, Any] | None, more: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Annotations with others added, or None where there are none."""
    return {**(annotations or {}), **(more or {})} or None
