"""Functions that recell made travel as well as the originals did: pickled by value, run in other processes."""

from __future__ import annotations

import concurrent.futures
import json.decoder
import multiprocessing
import pickle
import subprocess
import sys
from typing import Any, Callable

import cloudpickle
import pytest

import recell

FACTOR = 3


def make(step: int = 1) -> Callable[..., Any]:
    total = 10

    def add(amount: int, *, times: int = 2) -> tuple[int, int, str]:
        """Adds."""
        nonlocal total
        total += amount * step * times * FACTOR
        return total, max(step, 0), ", ".join(str(each * step) for each in range(2))

    add.tag = "here"
    return add


def generator(limit: int) -> Callable[..., Any]:
    def count(start: int) -> Any:
        for number in range(start, limit):
            yield lambda: number * FACTOR

    return lambda start=0: [each() for each in count(start)]


VARIANTS: dict[str, Callable[[], Callable[..., Any]]] = {
    "as it was": make,
    "replace": lambda: recell.replace(make(), name="other", doc="Other."),
    "rebind": lambda: recell.rebind(make(), step=5),
    "clone": lambda: recell.clone(make()),
    "promote": lambda: recell.promote(make(), FACTOR=7, max=min),
    "demote": lambda: recell.demote(make(), "step"),
    "freeze": lambda: recell.freeze(make(), "step", FACTOR=11),
    "make_function": lambda: recell.make_function(
        make().__code__, {"FACTOR": 2}, closure={"step": 4, "total": 0}, defaults={"times": 1}
    ),
}

CHILD = (
    "import pickle, sys\n"
    "func = pickle.load(sys.stdin.buffer)\n"
    "sys.stdout.buffer.write(pickle.dumps(([func(2), func(3)], func.__name__, func.__doc__, vars(func))))\n"
)


def story(func: Callable[..., Any]) -> tuple[Any, ...]:
    return [func(2), func(3)], func.__name__, func.__doc__, vars(func)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pickled_by_value_it_does_the_same_elsewhere(variant: str) -> None:
    """In a process that knows nothing of recell, the function does what it did here."""
    func = VARIANTS[variant]()
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        text = cloudpickle.dumps(func)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    child = subprocess.run([sys.executable, "-c", CHILD], input=text, stdout=subprocess.PIPE, check=True)
    assert pickle.loads(child.stdout) == story(VARIANTS[variant]())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_copy_made_by_pickling_is_independent(variant: str) -> None:
    """What the copy writes into its cells stays its own, as with any function pickled by value."""
    func = VARIANTS[variant]()
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        twin = pickle.loads(cloudpickle.dumps(func))
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert story(twin) == story(func)


def test_what_functions_share_travels_as_it_does_for_the_originals() -> None:
    """Clones pickled together fare exactly as the originals pickled together."""

    def pair(shared: int) -> tuple[Callable[[], int], Callable[[int], None]]:
        def write(value: int) -> None:
            nonlocal shared
            shared = value

        return (lambda: shared), write

    outcomes = []
    for functions in (pair(5), recell.clone(*pair(5))):
        read, write = pickle.loads(cloudpickle.dumps(functions))
        write(6)
        outcomes.append((read(), recell.closure(write)["shared"]))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] == 6


def test_library_functions_rebound_travel() -> None:
    """A live closure of json, rebound, decodes elsewhere as it does here."""
    decoder = json.decoder.JSONDecoder()
    scan = json.scanner.py_make_scanner(decoder)
    to_text = recell.rebind(scan, parse_float=str) if "parse_float" in scan.__code__.co_freevars else scan
    there = pickle.loads(cloudpickle.dumps(to_text))
    assert there("[1.5, 2]", 0) == to_text("[1.5, 2]", 0)


def call_pickled(text: bytes, *arguments: Any) -> Any:
    return pickle.loads(text)(*arguments)


def test_process_pools_run_what_recell_made() -> None:
    """In the workers of a process pool the results are those of this process."""
    context = multiprocessing.get_context("spawn")
    made = {name: variant() for name, variant in VARIANTS.items()}
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        texts = {name: cloudpickle.dumps(func) for name, func in made.items()}
        ranges = cloudpickle.dumps(
            recell.rebind(generator(9), count=recell.rebind(recell.closure(generator(9))["count"], limit=4))
        )
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        found = {name: pool.submit(call_pickled, text, 4) for name, text in texts.items()}
        assert {name: future.result() for name, future in found.items()} == {
            name: func(4) for name, func in made.items()
        }
        assert pool.submit(call_pickled, ranges, 1).result() == [3, 6, 9]
