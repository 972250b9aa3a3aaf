"""Cells and live closures, on the standard library's JSON scanner and `functools.singledispatch`."""

from __future__ import annotations

from typing import Any

import recell
from recell.tour import Stage, Step


def pure_decoder() -> Any:
    """A decoder that works with the pure Python scanner."""
    import json.scanner

    decoder = json.JSONDecoder()
    vars(decoder)["scan_once"] = vars(json.scanner)["py_make_scanner"](decoder)
    return decoder


def rebind_a_live_closure(stage: Stage) -> None:
    """An existing decoder, never told about Decimal, parses floats as Decimal, and then no longer."""
    from decimal import Decimal

    decoder = pure_decoder()
    stage.say("json.scanner.py_make_scanner closes over everything a decoder was told when it was made:")
    scan = recell.closure(decoder.scan_once)["_scan_once"]
    cells = recell.closure(scan)
    stage.did("recell.closure(scan)", cells)
    before = cells["parse_float"]
    stage.did('decoder.decode("[1.1, 2]")', decoder.decode("[1.1, 2]"))
    stage.did('recell.closure(scan)["parse_float"] = Decimal')
    cells["parse_float"] = Decimal
    result = decoder.decode("[1.1, 2]")
    stage.did('decoder.decode("[1.1, 2]")', result)
    stage.check("the existing decoder parses floats as Decimal", result == [Decimal("1.1"), 2])
    cells["parse_float"] = before
    stage.check("undone: it parses floats again", type(decoder.decode("1.1")) is float)


def patch_a_closure(stage: Stage) -> None:
    """The same variable for a while: everyone who holds the cell sees it, and leaving puts the old value back."""
    from decimal import Decimal

    decoder = pure_decoder()
    scan = recell.closure(decoder.scan_once)["_scan_once"]
    with recell.patch_closure(scan, parse_float=Decimal) as change:
        stage.did("with recell.patch_closure(scan, parse_float=Decimal)", change)
        result = decoder.decode("1.5")
        stage.did('decoder.decode("1.5")', result)
        stage.check("inside the with it parses floats as Decimal", result == Decimal("1.5"))
    stage.check("undone: it parses floats again", type(decoder.decode("1.5")) is float)


def share_a_registry(stage: Stage) -> None:
    """The functions that `singledispatch` makes hold one registry; clones of them hold another, together."""
    from functools import singledispatch
    from weakref import WeakKeyDictionary

    @singledispatch
    def kind(value: object) -> str:
        return "object"

    register: Any = kind.register
    dispatch: Any = kind.dispatch
    stage.say("singledispatch keeps its state in the cells of three functions:")
    shared = recell.sharing(kind, dispatch, register)
    names = sorted({name for found in shared for _, name in found.holders})
    stage.did("[names of recell.sharing(kind, kind.dispatch, kind.register)]", names)
    stage.check("dispatch and register share the cell of `registry`", "registry" in names)
    holders = recell.owners(recell.closure(register).cells["registry"])
    stage.did("[owner.__name__ for owner in recell.owners(cell)]", [owner.__name__ for owner in holders])
    stage.check("owners finds the functions that hold a cell", {*holders} >= {register, dispatch})
    same = dict(recell.closure(register))["registry"]
    stage.check("the registry in the cell is the one that kind.registry shows", dict(kind.registry) == same)

    stage.did("kind2, dispatch2, register2 = recell.clone(kind, kind.dispatch, kind.register)")
    kind2, dispatch2, register2 = recell.clone(kind, dispatch, register)
    recell.closure(register2)["registry"] = dict(recell.closure(register2)["registry"])
    recell.closure(dispatch2)["dispatch_cache"] = WeakKeyDictionary()
    register2(int, "int".format)
    stage.did('register2(int, "int".format); kind2(1), kind(1)', (kind2(1), kind(1)))
    stage.check(
        "what is registered with the clones stays among them", (kind2(1), kind(1)) == ("int", "object")
    )
    cell = recell.closure(register2).cells["registry"]
    stage.check(
        "the clones share one registry cell, and it is not the originals'",
        cell is recell.closure(dispatch2).cells["registry"]
        and cell is not recell.closure(dispatch).cells["registry"],
    )


STEPS = [
    Step("A live closure rebound: a JSON decoder that learns Decimal", ("closure",), rebind_a_live_closure),
    Step("A live closure patched for a while", ("patch_closure",), patch_a_closure),
    Step(
        "Shared cells: a singledispatch registry, read and cloned",
        ("sharing", "owners", "clone"),
        share_a_registry,
    ),
]
