"""Signatures as hypothesis makes them, and calls that may or may not fit."""

from __future__ import annotations

import inspect
import keyword

from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z_]{1,3}[0-9]?", fullmatch=True).filter(lambda name: name not in keyword.kwlist)
# what generated code might need for itself
HARD = st.sampled_from(
    ["self", "target", "func", "args", "kwargs", "inner", "item", "error", "closure", "f", "len"]
)


class Default:
    """A value that only identity tells apart."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<default of {self.name}>"


@st.composite
def signatures(draw: st.DrawFn) -> inspect.Signature:
    names = draw(st.lists(st.one_of(NAMES, HARD), unique=True, max_size=7))
    kinds = sorted(
        draw(st.lists(st.sampled_from([0, 0, 1, 1, 1, 2, 3, 3, 4]), min_size=len(names), max_size=len(names)))
    )
    parameters = []
    defaulted = False
    used: set[int] = set()
    for name, kind in zip(names, kinds):
        if kind in (2, 4) and kind in used:
            kind -= 1  # one of a kind; the place before is free to take more
        if parameters and kind < parameters[-1].kind:
            continue
        used.add(kind)
        default = inspect.Parameter.empty
        if kind in (0, 1):
            defaulted = defaulted or draw(st.booleans())
            if defaulted:
                default = Default(name)
        elif kind == 3 and draw(st.booleans()):
            default = Default(name)
        annotation = draw(st.sampled_from([inspect.Parameter.empty, int, "a text", Default]))
        parameters.append(
            inspect.Parameter(name, inspect._ParameterKind(kind), default=default, annotation=annotation)
        )
    returns = draw(st.sampled_from([inspect.Signature.empty, str, "a text"]))
    return inspect.Signature(parameters, return_annotation=returns)


@st.composite
def calls(draw: st.DrawFn, signature: inspect.Signature) -> tuple[tuple[int, ...], dict[str, int]]:
    positional = draw(st.integers(0, len(signature.parameters) + 1))
    candidates = [*signature.parameters, "stranger"]
    given = draw(st.lists(st.sampled_from(candidates), unique=True))
    if draw(st.booleans()):  # mostly calls that fit
        given = [
            name
            for index, (name, parameter) in enumerate(signature.parameters.items())
            if parameter.kind in (1, 3) and (parameter.kind == 3 or index >= positional)
        ]
        positional = min(positional, sum(p.kind in (0, 1) for p in signature.parameters.values()))
    return tuple(range(positional)), {name: 100 + index for index, name in enumerate(given)}


def bound(
    signature: inspect.Signature, args: tuple[int, ...], kwargs: dict[str, int]
) -> dict[str, object] | None:
    """What `Signature.bind` makes of a call, defaults applied; None where it refuses.

    A positional-only name given by keyword goes into `**kwargs` or is refused, as in a call; the `bind` of some
    releases overlooks it where the parameter has a default.
    """
    only = {name for name, parameter in signature.parameters.items() if parameter.kind == 0}
    rest = [name for name, parameter in signature.parameters.items() if parameter.kind == 4]
    stray = {name: value for name, value in kwargs.items() if name in only}
    if stray and not rest:
        return None
    try:
        binding = signature.bind(*args, **{name: value for name, value in kwargs.items() if name not in only})
    except TypeError:
        return None
    binding.apply_defaults()
    if stray:
        binding.arguments[rest[0]] = {**binding.arguments[rest[0]], **stray}
    return dict(binding.arguments)
