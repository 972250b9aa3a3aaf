"""`python -m corpus`: the whole table, with progress."""

from __future__ import annotations

import argparse
import sys
import time

from sizes import FULL, SEED

from . import harvest
from .operations import Tally, load_operations, release, run, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m corpus", description=__doc__)
    parser.add_argument("operations", nargs="*", help="names, or beginnings of names (all)")
    parser.add_argument("--packages", default="", help="other installed packages, with commas")
    parser.add_argument("--count", type=int, help="how many functions each operation takes")
    parser.add_argument("--failures", type=int, default=5, help="how many failures to show")
    parser.add_argument("--skipped", action="store_true", help="list the modules left out, with the reason")
    options = parser.parse_args()
    packages = tuple(filter(None, options.packages.split(",")))

    chosen = [
        operation
        for operation in load_operations()
        if not options.operations or operation.name.startswith(tuple(options.operations))
    ]
    if not chosen:
        parser.error("no such operation: " + ", ".join(options.operations))
    found, live = harvest.functions(packages), harvest.live_functions(packages)
    what = ", ".join(packages) or "standard library"
    size = "full" if FULL else f"sampled, seed {SEED}"
    print(
        f"{release()}, {what}: {len(live)} live functions, {len(found) - len(live)} that only the source shows ({size})"
    )
    if options.skipped:
        for name, reason in sorted(harvest.skipped().items()):
            print(f"  left out {name}: {reason}")

    tallies = []
    for operation in chosen:
        tally = run(operation, packages=packages, count=options.count, progress=_progress)
        tallies.append(tally)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        print(tally.report(options.failures), flush=True)
    print(table(tallies))
    wrong = [tally for tally in tallies if tally.failures or sum(tally.refused.values()) > tally.allowed]
    return 1 if wrong or not all(tally.tried for tally in tallies) else 0


_shown = 0.0


def _progress(tally: Tally, total: int) -> None:
    global _shown
    now = time.monotonic()
    if sys.stderr.isatty() and now - _shown > 0.2:
        _shown = now
        print(
            f"\r\033[K{tally.operation.name}: {tally.tried} of {total}", end="", file=sys.stderr, flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
