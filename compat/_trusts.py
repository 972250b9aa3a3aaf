"""Words for what an instruction takes for granted in a release build: those of each release's `trusts`.

Of every instruction the interpreter believes that its operands are on the stack, that `co_stacksize` has room for what
it pushes, that its cache units are empty, and that another instruction follows. A row says what else.
"""

from __future__ import annotations

from typing import Mapping

from ._effects import Effect, each

WORDS: Mapping[str, str] = {
    "nothing": "what it uses it checks",
    "constant": "its argument is an index into `co_consts`",
    "name": "its argument, without flag bits, is an index into `co_names`",
    "slot": "its argument is a slot of the frame",
    "table": "its argument is an entry of a table or a case of a switch in C",
    "target": "its jump leads to the start of an instruction, in the same state of the stack on every way",
    "bound": "the slot is not empty",
    "cell": "the slot holds a cell",
    "cell-variable": "the slot is a cell variable's, so that others who read the frame expect a cell",
    "free-variable": "the slot, if a free variable's, keeps its cell: others who read the frame expect one",
    "closure": "the function's closure is that long, the slots are still empty, and nothing ran before",
    "namespace": "the frame has a namespace of its own",
    "locals": "others write into the slots: none of them holds what an instruction believes in",
    "self": "NULL or an object lies beside the callable, and only one of the two places is NULL",
    "null": "NULL lies beside the callable",
    "iterator": "its type has `tp_iternext`, or it lies with its own index",
    "code": "an exact code object",
    "function": "a function that nobody else has seen, without this attribute",
    "cells": "a tuple of as many cells as the code has free variables",
    "tuple": "an exact tuple",
    "pairs": "an exact tuple of names and values in turn",
    "names": "an exact tuple of exact strings, no more than there are arguments",
    "strings": "a tuple of strings, one more than there are interpolations",
    "str": "an exact string",
    "dict": "an exact dict",
    "list": "an exact list",
    "exceptions": "a list of exceptions and None",
    "bool": "True or False itself",
    "exception": "an exception, complete, or what the handler below had",
    "lasti": "the number of the instruction that raised",
    "by-number": "the operands that the function of this number wants",
    "block": "the block stack is as the compiler leaves it there, with room for one more",
    "outcome": "NULL, a return address or an exception, as a `finally` body finds it",
    "generator": "the frame is a generator's",
    "opening": "nobody has seen the frame, its stack is empty, and the flags say that this is a generator",
    "neighbours": "it stands beside the instructions that compilers put there, unit by unit",
    "thrown": "only `throw()` leads here",
    "lent": "a borrowed operand stays what it is while the result, which may be the same object, is used",
    "unchanged": "the local stays what it is until the borrowed reference is used up",
}


def rows(
    before: Mapping[str, str], effects: Mapping[str, Effect], grouped: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the row of every opcode that has an effect: as in the release before, or as said here.

    Args:
        before: the rows of the release before.
        effects: the opcodes of this one.
        grouped: `{"word word": "OPCODE OPCODE"}` for those that came or changed.

    Raises:
        KeyError: an opcode has no row.
    """
    now = each(grouped)
    return {name: now[name] if name in now else before[name] for name in effects}
