"""One upgrade in one way, in a process of its own; see `__main__`. Its order is the argument, as JSON."""

from __future__ import annotations

import importlib
import json
import pkgutil
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Dict, List


class Judge:
    """Notes what pytest reports."""

    def __init__(self) -> None:
        self.passed: List[str] = []
        self.failed: Dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.rpartition("tests/")[2]
        if report.failed:
            self.failed[name] = str(report.longrepr).strip().splitlines()[-1][:300]
        elif report.when == "call" and report.passed:
            self.passed.append(name)


def run_tests(root: Path, tests: str, without: List[str], own: set[str]) -> Judge:
    """Run the tests of a version; modules that they import are forgotten afterwards."""
    import pytest

    judge = Judge()
    known = set(sys.modules)
    arguments = [str(root / tests), "-q", "-p", "no:cacheprovider", f"--rootdir={root}", "--tb=line"]
    arguments += ["--import-mode=importlib", *(f"--ignore-glob=*{one}" for one in without)]
    pytest.main(arguments, plugins=[judge])
    for name in set(sys.modules) - known:
        if name.partition(".")[0] not in own or ".test" in name:
            del sys.modules[name]
    return judge


def imported(name: str) -> List[Any]:
    """Every module of a package that can be imported."""
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
        if ".tests" not in found.name:
            try:
                importlib.import_module(found.name)
            except ImportError:
                continue
    return [
        module for path, module in list(sys.modules.items()) if path == name or path.startswith(f"{name}.")
    ]


def lay(source: str, modules: str, site: Path, name: str) -> None:
    """Lay the files of a version over those that are there."""
    target = site / name
    for path in list(target.rglob("*.py")) if target.exists() else []:
        path.unlink()
    ignore = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(Path(source) / modules, target, dirs_exist_ok=True, ignore=ignore)
    importlib.invalidate_caches()


def reload_all(way: str, name: str, modules: List[Any]) -> Any:
    """Upgrade what is imported."""
    if way == "recell":
        import recell

        try:
            return recell.reload(sys.modules[name])
        except recell.ReloadRefused as error:
            print(error)
            return recell.reload(sys.modules[name], partial=True)
    if way == "importlib":
        for module in modules[1:] + modules[:1]:
            importlib.reload(module)
    elif way == "superreload":
        from IPython.extensions.autoreload import superreload

        kept: Dict[Any, Any] = {}
        for module in modules[1:] + modules[:1]:
            superreload(module, importlib.reload, kept)
    elif way == "deepreload":
        from IPython.extensions.deduperreload.deduperreload import DeduperReloader

        reloader = DeduperReloader()
        for module in modules[1:] + modules[:1]:
            reloader.maybe_reload_module(module)
    elif way == "jurigged":
        from jurigged.register import registry

        for module in modules:
            if module.__file__:
                registry.get(module.__file__).refresh()
    return None


def main(order: Dict[str, Any]) -> None:
    upgrade, way, work = order["upgrade"], order["way"], Path(order["work"])
    name, site = upgrade["name"], work / "site"
    sys.path.insert(0, str(site))
    sys.dont_write_bytecode = False
    seconds, report = 0.0, None
    if way == "fresh":
        lay(order["new"], upgrade["modules"], site, name)
        imported(name)
    else:
        lay(order["old"], upgrade["modules"], site, name)
        modules = imported(name)
        if way == "jurigged":
            from jurigged.register import registry

            for module in modules:
                if module.__file__:
                    registry.prepare(module.__name__, module.__file__)
                    registry.get(module.__file__)
        time.sleep(1.1)  # of another second: caches of bytecode count in whole ones
        lay(order["new"], upgrade["modules"], site, name)
        start = time.process_time()
        report = reload_all(way, name, modules)
        seconds = time.process_time() - start
        imported(name)
    own = {name}
    judge = run_tests(Path(order["new"]), upgrade["tests"], upgrade["without"], own)
    result: Dict[str, Any] = {"passed": judge.passed, "failed": judge.failed, "seconds": seconds}
    if report is not None:
        result["report"] = str(report)
        report.undo()
        lay(order["old"], upgrade["modules"], site, name)
        back = run_tests(Path(order["old"]), upgrade["tests"], upgrade["without"], own)
        result["undone"] = f"{len(back.passed)} passed, {len(back.failed)} failed"
        result["undone failed"] = back.failed
    (work / "result.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
