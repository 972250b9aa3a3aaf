"""What is shipped: the sdist and the wheel hold the whole package, the wheel runs on its own.

Building needs the network (for the build backend), so these run at full size only, and once in the main job.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from sizes import FULL

TOP = Path(__file__).parent.parent

pytestmark = [
    pytest.mark.skipif(not FULL, reason="builds distributions: full size only"),
    pytest.mark.skipif(not (TOP / "pyproject.toml").exists(), reason="needs the source tree"),
]


def run(*command: object, cwd: Path | None = None) -> str:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "RECELL_SIZE")
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output[-4000:]
    return output


def environment(folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    return scripts / ("python.exe" if os.name == "nt" else "python")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    leave = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "site")
    shutil.copytree(TOP, tree, symlinks=True, ignore=leave)
    python = environment(folder / "venv")
    run(python, "-m", "pip", "install", "--quiet", "build")
    run(python, "-m", "build", "--outdir", folder / "dist", tree)
    return folder / "dist"


def package_files() -> set[str]:
    sources = {
        f"recell/{path.relative_to(TOP / 'src/recell')}" for path in (TOP / "src/recell").rglob("*.py")
    }
    facts = {f"recell/compat/{path.name}" for path in (TOP / "compat").glob("*.py")}
    assert "recell/compat/py38.py" in facts
    return {
        name.replace(os.sep, "/") for name in sources | facts | {"recell/py.typed", "recell/__init__.pyi"}
    }


def test_the_wheel_holds_the_whole_package(built: Path) -> None:
    """All modules, the real files of compat, the type marker; one wheel for all releases; no tests."""
    (wheel,) = built.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == package_files()
        assert b"RELEASE = " in archive.read("recell/compat/py38.py")
        (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert b"recell = recell.__main__:main" in archive.read(entry_points)


def test_the_sdist_can_be_built_again(built: Path) -> None:
    """The files of compat are there as files, beside what the build needs. (The wheel above was built from it.)"""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "compat/py38.py",
        "compat/_release.py",
        "src/recell/errors.py",
    ):
        assert members[name].isfile() and members[name].size, name


def test_the_wheel_runs_on_its_own(built: Path, tmp_path: Path) -> None:
    """In an environment with nothing else, from another folder: it imports, works, and is not the checkout."""
    (wheel,) = built.glob("*.whl")
    python = environment(tmp_path / "venv")
    run(python, "-m", "pip", "install", "--quiet", wheel)
    script = (
        "import recell, recell.compat.py38, recell.compat as compat\n"
        "def make(x=1): return lambda: x\n"
        "assert recell.rebind(make(), x=2)() == 2\n"
        "assert compat.load((3, 8)).version == (3, 8)\n"
        "print(recell.__file__)\n"
    )
    where = run(python, "-c", script, cwd=tmp_path).strip()
    assert (
        Path(where).resolve().is_relative_to(tmp_path.resolve()) if hasattr(Path, "is_relative_to") else True
    )
    assert "usage" in run(python, "-m", "recell", "--help", cwd=tmp_path)
    assert run(tmp_path / "venv" / Path(python).parent.name / "recell", "tour", cwd=tmp_path)
