"""`build_function`: functions from a signature and the lines of a body."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.errors import SourceError, short
from recell.functions.arguments import check_identifier, merged_defaults
from recell.functions.building import KEEP, build
from recell.public import public
from recell.source.defining import Definition
from recell.source.signatures import (
    Shape,
    check_annotations,
    checked_text,
    in_signature,
    is_signature,
    merged,
    shape_of_function,
    shape_of_signature,
)
from recell.source.sourcelines import lines_of
from recell.source.textlines import ONLY_AST, may_hold_lines, problem, syntax_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from inspect import Signature

__all__ = ["build_function"]

_INDENTATION = "    "


@public
def build_function(
    name: str,
    signature: Signature | str,
    body: str | Iterable[str],
    /,
    *,
    closure: Mapping[str, object] | None = None,
    globals: dict[str, Any] | None = None,
    doc: str | None = None,
    defaults: tuple[Any, ...] | Mapping[str, object] = KEEP,
    annotations: Mapping[str, object] | None = KEEP,
    qualname: str | None = None,
    module: Any = KEEP,
    filename: str | None = None,
    class_name: str | None = None,
    asynchronous: bool = False,
) -> FunctionType:
    """Make a function from its name, its signature, and the lines of its body.

    Defaults and annotations of an `inspect.Signature` are taken as the objects that they are. The lines are the
    body and nothing else: what would end the function and go on behind it is refused. They must be trusted.

    Args:
        name: the function's name.
        signature: an `inspect.Signature`, or a text such as `"(a, b=1, *, c)"`; the expressions in a text are
            evaluated in `globals` and `closure`.
        body: lines, or one text; none at all is `pass`.
        closure, globals, filename, class_name: as for `define`.
        doc: the docstring; None: the body's own.
        defaults: values by parameter name, or a tuple, right-aligned; in addition to the signature's.
        annotations: by parameter name, and `return`; in addition to the signature's.
        qualname, module: what the attribute is to be.
        asynchronous: whether it is an `async def`.

    Returns:
        The function.

    Raises:
        SourceError: the body or the signature is no valid Python (line and column are those of the text given), or
            holds more than it may; or a name is no identifier or a keyword.
        FreeVariableError: the function does not use a name in `closure` as a free variable.
        ValueError: defaults that leave a gap, or for what is no parameter.
        TypeError: an argument has the wrong type.

    >>> from recell import build_function
    >>> power = build_function("power", "(base, exponent=2)", ["calls.append(base)", "return base ** exponent"],
    ...                        closure={"calls": []}, defaults={"exponent": 3})
    >>> power(2), power(2, 5)
    (8, 32)
    """
    check_identifier(name, "the function's name")
    if qualname is not None and not isinstance(qualname, str):
        msg = f"the qualified name must be a string, not {short(qualname)}"
        raise TypeError(msg)
    if annotations is not KEEP and annotations is not None and not hasattr(annotations, "items"):
        msg = f"annotations must be a mapping by parameter name, not {short(annotations)}"
        raise TypeError(msg)
    text = _body_text(body)
    given: Shape | None = None
    if isinstance(signature, str):
        head = checked_text(signature)
    elif is_signature(signature):
        given = shape_of_signature(signature)
        head = given.head()
    else:
        msg = f"the signature must be an inspect.Signature or a text, not {short(signature)}"
        raise TypeError(msg)
    start = f"{'async ' if asynchronous else ''}def {name}"
    inside = _indented(text)
    whole = f"{start}{head}:\n{inside}\n"
    definition = Definition(whole, globals, closure, None, filename, class_name, verb="build_function")
    try:
        made = definition.made()
    except SourceError as error:
        raise _told(error, text, inside != text, signature, start, head) from None
    shape = shape_of_function(made) if given is None else given
    positional, keyword = shape.defaults, shape.kwdefaults
    try:
        if defaults is not KEEP:
            positional, keyword = merged_defaults(made.__code__, positional, keyword, defaults, KEEP, made)
        if annotations is not KEEP:
            check_annotations(annotations, shape.names)
    except BaseException:
        definition.put_back()
        raise
    new: FunctionType = made
    if given is not None or defaults is not KEEP:
        new = build(made.__code__, made.__globals__, name, positional, made.__closure__, keyword)
        new.__qualname__ = made.__qualname__
        if globals is None and new.__globals__.get(name) is made:
            new.__globals__[name] = new
        shape.annotate_function(new)
    if annotations is not KEEP:
        new.__annotations__ = merged(new.__annotations__, annotations) or {}
    if doc is not None:
        new.__doc__ = doc
    if qualname is not None:
        new.__qualname__ = qualname
    if module is not KEEP:
        new.__module__ = module
    return new


def _body_text(body: object) -> str:
    """The body as one text, with the line ends that the tokenizer sees."""
    if isinstance(body, str):
        text = body
    else:
        try:
            lines: list[Any] = [body] if isinstance(body, (bytes, bytearray)) else list(body)  # type: ignore[call-overload]
        except TypeError:
            lines = [body]
        for line in lines:
            if not isinstance(line, str):
                msg = f"the body must be a text or lines of text, not {short(line)}"
                raise TypeError(msg)
        text = "\n".join(lines)
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip(" \t\n")
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            return text
    return (text + "\npass").lstrip("\n")


def _indented(text: str) -> str:
    """The body's text as it stands below a `def`: one level deeper, the insides of strings untouched."""
    lines = text.split("\n")
    first = next(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if first[0] in " \t":
        return text  # it is indented already
    inside = _string_lines(text) if may_hold_lines(text) else ()
    return "\n".join(
        line if number in inside or not line else _INDENTATION + line for number, line in enumerate(lines, 1)
    )


def _string_lines(text: str) -> set[int]:
    """The lines that begin inside a string."""
    import ast

    try:
        tree: Any = compile(text, "<body>", "exec", ONLY_AST, True)
    except (SyntaxError, ValueError) as error:
        raise syntax_problem(error, text, "<body>") from None
    found: set[int] = set()
    node: Any
    for node in ast.walk(tree):
        last = getattr(node, "end_lineno", None)
        if last is not None and type(node).__name__ in ("Constant", "JoinedStr", "TemplateStr"):
            found.update(range(node.lineno + 1, last + 1))
    return found


def _told(
    error: SourceError, text: str, indented: bool, signature: object, start: str, head: str
) -> SourceError:
    """An error about the whole text, told in lines and columns of the body or signature that the caller gave."""
    line, column = error.lineno or 1, error.offset or 1
    above = head.count("\n") + 1
    reason = getattr(error, "reason", None) or error.msg.partition(" (line ")[0]
    if line <= above and isinstance(signature, str):
        return in_signature(error, signature, len(start))
    line -= above
    line = max(1, min(line, len(lines_of(text)) or 1))
    if reason.startswith("the text must define"):
        reason = "it ends its function here and goes on behind it"
    if indented:
        column = max(1, column - len(_INDENTATION))
    return problem(f"in the body: {reason}", text, "<body>", line, column, reason=reason)
