"""The table of edits played through other reloaders: who gets which right. Not a benchmark of time.

    PYTHONPATH=tests python -m bench.rivals_reload

Each edit runs in a process of its own, on a file that is imported, changed and reloaded. An edit counts as right where
everything holds that must hold after it (`now` in the table).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List


def play(reloader: str, number: int) -> str:
    """What became of one edit: `right`, or what did not hold."""
    from reload_edits import EDITS
    from test_reload_edits import TOOLS

    edit = EDITS[number]
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    path = Path(folder) / "edited.py"
    path.write_text(edit.before, encoding="utf-8")
    os.utime(path, (10, 10))
    (Path(folder) / "board.py").write_text(
        "FOUND = {}\ndef register(f):\n    FOUND[f.__name__] = f\n    return f\n"
    )
    if reloader == "jurigged":
        from jurigged.register import registry
    import edited  # type: ignore[import-not-found]

    if reloader == "jurigged":
        registry.prepare("edited", str(path))
        registry.get(str(path))
    if reloader.startswith("IPython"):
        from IPython.extensions.autoreload import ModuleReloader

        watcher = ModuleReloader()
        watcher.check(check_all=True, do_reload=False)
    names: Dict[str, Any] = {**TOOLS, "m": edited, "board": importlib.import_module("board")}
    exec(edit.live, names)
    for expression in edit.then:  # as the tests do: some of them count calls
        eval(expression, names)
    path.write_text(edit.after, encoding="utf-8")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    importlib.invalidate_caches()
    if reloader == "recell":
        import recell

        recell.reload(edited)
    elif reloader == "importlib":
        importlib.reload(edited)
    elif reloader == "jurigged":
        registry.get(str(path)).refresh()
    elif reloader == "IPython deduperreload":
        watcher.check(check_all=True)
    else:
        from IPython.extensions.autoreload import superreload

        superreload(edited)
    for expression, expected in edit.now.items():
        found = eval(expression, names)
        if isinstance(expected, str) and expected.startswith("="):
            expected = eval(expected[1:], names)
        if found != expected:
            return f"{expression} is {found!r}"
    return "right"


def main(names: List[str]) -> None:
    from reload_edits import EDITS

    right = dict.fromkeys(names, 0)
    rows = []
    for number, edit in enumerate(EDITS):
        row = {}
        for name in names:
            command = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "bench.rivals_reload",
                "--play",
                name,
                str(number),
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            lines = done.stdout.decode().strip().splitlines()
            row[name] = json.loads(lines[-1]) if lines and done.returncode == 0 else "raised"
            right[name] += row[name] == "right"
        rows.append((edit.title, row))
    print("| edit | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for title, row in rows:
        print(f"| {title} | " + " | ".join("yes" if row[name] == "right" else "no" for name in names) + " |")
    print("| **right** | " + " | ".join(f"**{right[name]} of {len(EDITS)}**" for name in names) + " |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--play"]:
        outcome = "raised"
        try:
            outcome = play(sys.argv[2], int(sys.argv[3]))
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        print("\n" + json.dumps(outcome))
    else:
        main(
            ["recell", "importlib"]
            + (
                ["IPython superreload", "IPython deduperreload"]
                if importlib.util.find_spec("IPython")
                else []
            )
            + (["jurigged"] if importlib.util.find_spec("jurigged") else [])
        )
