"""The other process: `python travelling_there.py receive`, or one of the ways to run functions in several processes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import sys
from typing import Any, Callable, Dict, Tuple

Told = Tuple[str, Any]


def receive(texts: Dict[str, bytes], then: Callable[[Any], Any]) -> Dict[str, Told]:
    """What each pickled function is and does here; a pickler's error counts as an outcome like any other."""
    found: Dict[str, Told] = {}
    for name, text in texts.items():
        try:
            found[name] = "ok", then(pickle.loads(text))
        except Exception as error:
            found[name] = type(error).__name__, str(error)[:200]
    return found


def call_pickled(text: bytes, amount: int) -> Tuple[int, Any]:
    return os.getpid(), pickle.loads(text)(amount)


def call_inherited(name: str, amount: int) -> Tuple[int, Any]:
    return os.getpid(), HELD[name](amount)


HELD: Dict[str, Callable[..., Any]] = {}


def in_processes(way: str) -> None:
    """The functions of all verbs in worker processes; prints how many, or fails."""
    import cloudpickle
    import travelling_subject

    made = {name: pair[0] for name, pair in travelling_subject.as_plain().items()}
    wanted = {name: takes_one(name, maker())(2) for name, maker in made.items()}
    cloudpickle.register_pickle_by_value(travelling_subject)
    HELD.update({name: takes_one(name, maker()) for name, maker in made.items()})
    if way == "dask":
        found = by_dask(HELD)
    else:
        context = multiprocessing.get_context(way)
        texts = {name: cloudpickle.dumps(func) for name, func in HELD.items()}
        with context.Pool(2) as pool:
            found = dict(zip(texts, pool.starmap(call_pickled, [(text, 2) for text in texts.values()])))
            if way == "fork":
                again = dict(zip(HELD, pool.starmap(call_inherited, [(name, 2) for name in HELD])))
                assert {name: value for name, (_, value) in again.items()} == wanted
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
            futures = {name: executor.submit(call_pickled, text, 2) for name, text in texts.items()}
            assert {name: future.result()[1] for name, future in futures.items()} == wanted
    assert {name: value for name, (_, value) in found.items()} == wanted, (found, wanted)
    assert os.getpid() not in {worker for worker, _ in found.values()}
    print(len(found))


def takes_one(name: str, func: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` was given a signature whose keyword has no default."""
    return (lambda amount: func(amount, times=1)) if name == "forward" else func


def by_dask(functions: Dict[str, Callable[..., Any]]) -> Dict[str, Tuple[int, Any]]:
    """Each function handed to the cluster as it is, and once more mapped over several arguments."""
    from distributed import Client, LocalCluster

    def there(func: Callable[..., Any], amount: int) -> Tuple[int, Any]:
        import os

        return os.getpid(), func(amount)

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        tasks = {name: client.submit(there, func, 2, pure=False) for name, func in functions.items()}
        direct = client.submit(functions["promote"], 2, pure=False).result()
        found = {name: task.result() for name, task in tasks.items()}
        assert direct == found["promote"][1]
        plain = functions["a generator in a closure"]
        assert client.gather(client.map(plain, range(5), pure=False)) == [plain(start) for start in range(5)]
    return found


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        from travelling_subject import story

        given = pickle.load(sys.stdin.buffer)
        sys.stdout.buffer.write(pickle.dumps(receive(given, story)))
    else:
        in_processes(sys.argv[1])
