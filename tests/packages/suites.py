"""The packages whose own tests are run: where they are, what they need, and what is expected to differ."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping, Sequence


class Suite:
    """A package's own tests.

    Args:
        name: as on PyPI.
        modules: its top modules.
        tests: what pytest is given.
        options: further options of pytest.
        source: whether the tests are in the source distribution alone, not in the installed package.
        differs: patterns of test ids that are expected to differ -> why.
        leave: names, as `module.name`, that stay globals from the first run on -> why.
    """

    def __init__(
        self,
        name: str,
        modules: Sequence[str],
        tests: Sequence[str],
        *,
        options: Sequence[str] = (),
        source: bool = True,
        differs: Mapping[str, str] = {},
        leave: Mapping[str, str] = {},
    ) -> None:
        self.name, self.modules, self.tests = name, tuple(modules), list(tests)
        self.options, self.source = list(options), source
        self.differs, self.leave = dict(differs), dict(leave)

    def expected(self, test: str) -> str:
        """Why a test may differ; empty where nothing is known."""
        return next((why for pattern, why in self.differs.items() if fnmatch.fnmatch(test, pattern)), "")

    def version(self) -> str:
        return importlib.metadata.version(self.name)


SUITES = {
    suite.name: suite
    for suite in [
        Suite("attrs", ["attr", "attrs"], ["tests"]),
        Suite("click", ["click"], ["tests"]),
        Suite(
            "networkx",
            ["networkx"],
            ["--pyargs", "networkx"],
            source=False,
            leave={
                "networkx.utils.decorators.argmap": "argmap assigns `__code__`, without free variables, to the functions "
                "that read this name: they must have none"
            },
        ),
    ]
}


def fetch(suite: Suite, folder: Path) -> Path:
    """The folder to run in: the unpacked source distribution of the installed version, or an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    if not suite.source:
        (folder / suite.name).mkdir(exist_ok=True)
        return folder / suite.name
    wanted = f"{suite.name}-{suite.version()}"
    if not (folder / wanted).exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.name]
        subprocess.run([*command, "--dest", str(folder), f"{suite.name}=={suite.version()}"], check=True)
        shutil.unpack_archive(str(folder / f"{wanted}.tar.gz"), str(folder))
    # the tests must find the package that is installed
    shutil.rmtree(folder / wanted / "src", ignore_errors=True)
    return folder / wanted
