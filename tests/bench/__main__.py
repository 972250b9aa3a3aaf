"""`python -m bench [topic …] [--json FILE]`: each figure as a ratio to its reference, beside the figure to reach.

`python -m bench peers [--write FOLDER]`: the same tasks by other libraries and by hand, as a page and a plot.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from sizes import FULL

from .measure import load_benchmarks


def main() -> int:
    if sys.argv[1:2] == ["peers"]:
        from .peers.run import main as peers

        return peers(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("topics", nargs="*", help="names of bench_*.py files (all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a figure falls short")
    options = parser.parse_args()
    try:
        benchmarks = load_benchmarks(options.topics)
    except ValueError as error:
        parser.error(str(error))

    version = sys.version.split()[0]
    debug = ", debug build: figures mean little" if hasattr(sys, "gettotalrefcount") else ""
    print(
        f"CPython {version}{debug}; medians over rounds, quartiles in brackets{'; full size' if FULL else ''}"
    )
    widest = max([len(benchmark.name) for benchmark in benchmarks] + [4])
    print(f"{'what':{widest}}  {'figure':>8}  {'spread':>17}  {'reach':>8}  verdict  measured / reference")
    start, results, left_out, topic = time.perf_counter(), [], [], ""
    for benchmark in benchmarks:
        if benchmark.topic != topic:
            topic = benchmark.topic
            print(f"-- {topic}")
        if not benchmark.only():
            left_out.append(benchmark)
            print(f"{benchmark.name:{widest}}  left out on this interpreter")
            continue
        result = benchmark.run()
        results.append(result)
        unit = "ns" if benchmark.unit == "×" else benchmark.unit
        reach = "-" if benchmark.reach is None else f"{benchmark.reach:.4g}"
        print(
            f"{benchmark.name:{widest}}  {result.figure:8.3f}  [{result.low:7.3f} {result.high:7.3f}]  {reach:>8}  "
            f"{result.verdict:7}  {_short(result.measured)} / {_short(result.reference)} {unit}",
            flush=True,
        )
    short = [result for result in results if result.verdict == "short"]
    print(
        f"{len(results)} figures in {time.perf_counter() - start:.0f} s: "
        f"{sum(result.verdict == 'ok' for result in results)} reached, {len(short)} short, {len(left_out)} left out"
    )
    if options.json:
        record = {
            "python": version,
            "debug": bool(debug),
            "results": [result.as_dict() for result in results],
        }
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
    return 1 if short and options.strict else 0


def _short(number: float) -> str:
    return f"{number:.1f}" if abs(number) < 1000 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main())
