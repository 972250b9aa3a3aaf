"""Functions that recell made travel as well as those that Python makes: pickled by value, run in other processes.

What a pickler loses (cloudpickle: type parameters, and cells shared between functions pickled apart; dill: functions
with type parameters, and more) it loses of both alike: outcomes are compared, not listed.
"""

from __future__ import annotations

import copy
import importlib.util
import json.decoder
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, Callable

import cloudpickle
import pytest
import travelling_subject
from travelling_subject import as_plain, make, story
from travelling_there import receive

import recell

HERE = Path(__file__).parent
PAIRS = as_plain()
SOURCES = Path(recell.__file__).parent.parent


def by_cloudpickle(obj: object) -> bytes:
    cloudpickle.register_pickle_by_value(travelling_subject)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        return cloudpickle.dumps(obj)
    finally:
        cloudpickle.unregister_pickle_by_value(travelling_subject)
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def by_dill(obj: object) -> bytes:
    import dill

    return dill.dumps(obj)


def by_dill_recursively(obj: object) -> bytes:
    """With the globals that are used, and not the module's dict."""
    import dill

    return dill.dumps(obj, recurse=True)


def no_dill() -> str:
    """Why dill carries no function here; empty where it does."""
    try:
        by_dill(lambda: 0)
    except ImportError:
        return "dill is not installed"
    except AttributeError as error:  # dill 0.4.1 asks for co_lnotab, which 3.15 took away
        return f"dill carries no function at all here: {error}"
    return ""


needs_dill = pytest.mark.skipif(bool(no_dill()), reason=no_dill())
PICKLERS = [
    by_cloudpickle,
    pytest.param(by_dill, marks=needs_dill),
    pytest.param(by_dill_recursively, marks=needs_dill),
]


def packed(
    dumps: Callable[[object], bytes], functions: dict[str, Any]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The functions pickled, and what became of those that cannot be."""
    texts: dict[str, bytes] = {}
    failed: dict[str, Any] = {}
    for name, func in functions.items():
        try:
            texts[name] = dumps(func)
        except Exception as error:
            failed[name] = type(error).__name__, "when pickled"
    return texts, failed


def elsewhere(dumps: Callable[[object], bytes], functions: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """What each function is and does in a process of its own that has only these folders."""
    texts, failed = packed(dumps, functions)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    child = subprocess.run(
        [sys.executable, str(HERE / "travelling_there.py"), "receive"],
        input=pickle.dumps(texts), stdout=subprocess.PIPE, check=True, env=env,
    )  # fmt: skip
    return {**pickle.loads(child.stdout), **failed}


@pytest.mark.parametrize("dumps", PICKLERS, ids=lambda dumps: dumps.__name__)
def test_what_every_verb_makes_travels_as_what_python_makes(dumps: Callable[[object], bytes]) -> None:
    """In another process both are the same, have the same names, defaults and attributes, and do the same."""
    made = elsewhere(dumps, {name: pair[0]() for name, pair in PAIRS.items()}, [str(HERE)])
    plain = elsewhere(dumps, {name: pair[1]() for name, pair in PAIRS.items()}, [str(HERE)])
    for name in PAIRS:
        # error texts name the function, which lies elsewhere
        assert made[name][0] == plain[name][0], (name, made[name], plain[name])
        if made[name][0] == "ok":
            assert made[name] == plain[name], name
    assert [name for name, told in made.items() if told[0] == "ok"]
    if dumps is by_cloudpickle:
        assert {told[0] for told in made.values()} == {"ok"}


@pytest.mark.parametrize("name", PAIRS)
def test_here_they_are_the_same_too(name: str) -> None:
    """The comparison means something: before they travel, both functions tell the same story."""
    made, plain = PAIRS[name]
    assert story(made()) == story(plain())


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dumps", PICKLERS, ids=lambda dumps: dumps.__name__)
def test_a_copy_is_independent(dumps: Callable[[object], bytes], name: str) -> None:
    """What the copy writes into its cells stays its own, as with any function pickled by value."""
    outcomes = []
    for maker in PAIRS[name]:
        func = maker()
        texts, failed = packed(dumps, {name: func})
        outcomes.append((receive(texts, story), failed, story(func)))
    assert outcomes[0][1] == outcomes[1][1]
    assert outcomes[0][2] == outcomes[1][2]
    assert {kind: told[0] for kind, told in outcomes[0][0].items()} == {
        kind: told[0] for kind, told in outcomes[1][0].items()
    }
    for told in outcomes[0][0].values():
        assert told[0] != "ok" or told[1] == outcomes[0][2]


def pair(shared: int) -> tuple[Callable[[], int], Callable[[int], None]]:
    def write(value: int) -> None:
        nonlocal shared
        shared = value

    return (lambda: shared), write


@pytest.mark.parametrize("dumps", PICKLERS, ids=lambda dumps: dumps.__name__)
def test_what_functions_share_travels_as_it_does_for_the_originals(dumps: Callable[[object], bytes]) -> None:
    """Clones pickled together, and apart, fare exactly as the originals do."""
    outcomes = []
    for functions in (pair(5), recell.clone(*pair(5))):
        read, write = pickle.loads(dumps(functions))
        write(6)
        together = read(), recell.closure(write)["shared"]
        read, write = (pickle.loads(dumps(func)) for func in functions)
        write(7)
        outcomes.append((together, (read(), recell.closure(write)["shared"])))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0][1] == 6


GENERIC = """
def make(scale: int):
    def first[T: int](values: list[T], *, start: T = 0) -> T:
        return values[start] * scale
    return first
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 came with 3.12")
@pytest.mark.parametrize("dumps", PICKLERS, ids=lambda dumps: dumps.__name__)
def test_generic_functions_fare_as_the_original_does(dumps: Callable[[object], bytes]) -> None:
    """Type parameters, lazy annotations and their scopes: lost, refused or kept, as the original's are."""
    space: dict[str, Any] = {"__name__": "generic_subject"}
    exec(compile(GENERIC, "<generic>", "exec", dont_inherit=True), space)

    def told(func: FunctionType) -> tuple[Any, ...]:
        return len(func.__type_params__), sorted(func.__annotations__), func([1, 2]), func.__kwdefaults__

    makers: dict[str, Callable[[], Any]] = {
        "original": lambda: space["make"](3),
        "replace": lambda: recell.replace(space["make"](3)),
        "rebind": lambda: recell.rebind(space["make"](2), scale=3),
        "clone": lambda: recell.clone(space["make"](3)),
        "inner": lambda: recell.inner(space["make"], "first", scale=3, defaults={"start": 0}),
    }
    outcomes = {}
    for name, maker in makers.items():
        try:
            func = maker()
        except recell.RecellError:
            assert name == "inner"
            continue
        texts, failed = packed(dumps, {name: func})
        outcomes[name] = [*receive(texts, told).values(), *failed.values()]
    kept = outcomes.pop("original")
    for name, outcome in outcomes.items():
        assert outcome == kept or outcome[0][0] == kept[0][0] != "ok", name


def test_library_functions_rebound_travel() -> None:
    """A live closure of json, rebound, decodes elsewhere as it does here."""
    decoder = json.decoder.JSONDecoder()
    scan = json.scanner.py_make_scanner(decoder)
    to_text = recell.rebind(scan, parse_float=str) if "parse_float" in scan.__code__.co_freevars else scan
    there = pickle.loads(cloudpickle.dumps(to_text))
    assert there("[1.5, 2]", 0) == to_text("[1.5, 2]", 0)


@pytest.mark.parametrize("dumps", PICKLERS, ids=lambda dumps: dumps.__name__)
def test_what_is_in_force_travels_by_value_and_stays(dumps: Callable[[object], bytes]) -> None:
    """A copy pickled by value while a change is in force does what the function did then, for good."""

    def replacement(amount: int) -> str:
        return f"swapped {amount}"

    func = make()
    for change in (
        recell.override(func, FACTOR=100),
        recell.override(func, step=100),
        recell.patch_closure(func, step=100),
    ):
        with change:
            text = dumps(func)
        assert pickle.loads(text)(1)[0] == 10 + {"FACTOR": 200}.get(next(iter(change._about())), 600)
    with recell.swap(func, replacement):
        text = dumps(func)
    assert pickle.loads(text)(7) == "swapped 7"
    assert func(1) == make()(1)


@pytest.mark.parametrize(
    "name", ["override", "patch_closure", "swap", "wrap", "patch_inner", "attach", "Patcher"]
)
def test_a_change_cannot_travel_and_says_so(name: str) -> None:
    """Pickling or copying the handle of a change is refused, active or not, and says what to do instead."""
    func = make()
    patcher = recell.Patcher()
    patcher.override(func, FACTOR=4)
    changes = {
        "override": lambda: recell.override(func, FACTOR=4),
        "patch_closure": lambda: recell.patch_closure(func, step=4),
        "swap": lambda: recell.swap(func, lambda amount: amount),
        "wrap": lambda: recell.wrap(func, lambda original: original),
        "patch_inner": lambda: recell.patch_inner(pair, "write", len),
        "attach": lambda: recell.attach(Some, lambda self: None, "method"),
        "Patcher": lambda: patcher,
    }
    change = changes[name]()
    with patcher, change if name != "Patcher" else SimpleContext():
        for carry in (pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="this process") as caught:
                carry(change)
            assert "in the process" in str(caught.value)
            assert str(change)[1:-1] in str(caught.value)
    with pytest.raises(TypeError, match="this process"):
        pickle.dumps(change)


class Some: ...


class SimpleContext:
    def __enter__(self) -> SimpleNamespace:
        return SimpleNamespace()

    def __exit__(self, *error: object) -> None: ...


def run_there(way: str) -> str:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), str(HERE)])}
    done = subprocess.run(
        [sys.executable, str(HERE / "travelling_there.py"), way],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, universal_newlines=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_worker_processes_run_what_recell_made(way: str) -> None:
    """In `multiprocessing.Pool` and in a process pool of `concurrent.futures`, the results are those of this process."""
    import multiprocessing

    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {way} here")
    assert run_there(way) == str(len(PAIRS))


@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed"
)
def test_a_dask_cluster_runs_what_recell_made() -> None:
    """On a local cluster with worker processes of its own, functions submitted and mapped give the same results."""
    assert run_there("dask") == str(len(PAIRS))
