"""The facts of each release: every file imports everywhere, and the running one's agree with the interpreter."""

from __future__ import annotations

import dis
import opcode
import subprocess
import sys
import types
from pathlib import Path

import pytest

import recell
from recell import UnsupportedPythonError, compat

VERSIONS = [(3, minor) for minor in range(compat.OLDEST[1], compat.NEWEST[1] + 1)]
FACTS = compat.CURRENT
HEADROOM = 256  # pseudo-instructions of the compiler are numbered from here


def real(numbers: object) -> set[str]:
    """The names of those opcodes that stand in code objects."""
    names = {dis.opname[number] for number in numbers if number < HEADROOM}  # type: ignore[attr-defined]
    return {name for name in names if not name.startswith(("INSTRUMENTED_", "<"))}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"{version[0]}.{version[1]}")
def test_every_release_imports_on_every_interpreter(version: tuple[int, int]) -> None:
    """The facts of any release can be read anywhere, and name themselves."""
    release = compat.load(version)
    assert release.version == version
    module = sys.modules[f"recell.compat.py{version[0]}{version[1]}"]
    assert module.__doc__.startswith(f"CPython {version[0]}.{version[1]}: ")


def test_every_release_has_a_file_and_no_other() -> None:
    """The files are the releases from OLDEST to NEWEST."""
    files = {path.stem for path in Path(compat.__file__).parent.glob("py3*.py")}
    assert files == {f"py{major}{minor}" for major, minor in VERSIONS}


def test_later_files_say_only_what_changed() -> None:
    """A file that repeats a fact of the release before would hide what is new."""
    for before, after in zip(VERSIONS, VERSIONS[1:]):
        source = Path(sys.modules[type(FACTS).__module__].__file__).with_name(f"py{after[0]}{after[1]}.py")
        text = source.read_text(encoding="utf-8")
        old, new = compat.load(before), compat.load(after)
        repeated = [
            field
            for field in type(FACTS)._fields
            if field != "version" and f"    {field}=" in text and getattr(old, field) == getattr(new, field)
        ]
        assert not repeated, f"{source.name} repeats {repeated}"


def test_unknown_releases_are_refused() -> None:
    """No guess about a release without a file."""
    for version in [(3, 7), (3, compat.NEWEST[1] + 1), (4, 0)]:
        with pytest.raises(UnsupportedPythonError, match=r"recell knows the opcodes of CPython 3\.8 to"):
            compat.load(version)


def test_the_running_release_is_selected() -> None:
    assert FACTS is compat.find() is compat.require("anything")
    assert FACTS.version == sys.version_info[:2]


def test_caches_are_the_interpreters() -> None:
    """Inline cache units behind each opcode."""
    table = getattr(opcode, "_inline_cache_entries", {})
    if isinstance(table, (list, tuple)):  # by number on 3.11 and 3.12
        table = {dis.opname[number]: units for number, units in enumerate(table)}
    known = {name for name in real(opcode.opmap.values())}
    assert {name: units for name, units in table.items() if units and name in known} == dict(FACTS.caches)


def test_jumps_are_the_interpreters() -> None:
    assert FACTS.relative_jumps == real(dis.hasjrel)
    assert FACTS.absolute_jumps == real(dis.hasjabs)
    assert FACTS.backward_jumps <= FACTS.relative_jumps
    for name in FACTS.backward_jumps:
        assert "BACKWARD" in name or name == "END_ASYNC_FOR"


def test_constants_and_names_are_the_interpreters() -> None:
    assert FACTS.const_opcodes == real(dis.hasconst)
    assert set(FACTS.name_shift) == real(dis.hasname)


def test_slots_are_the_interpreters() -> None:
    """Locals, pairs of locals and cells: 3.14 moved LOAD_DEREF between dis's tables, so their union is compared."""
    ours = FACTS.local_opcodes | FACTS.local_pair_opcodes | FACTS.deref_opcodes
    assert ours == real(dis.haslocal) | real(dis.hasfree)
    assert not FACTS.local_opcodes & FACTS.deref_opcodes
    if FACTS.version < (3, 14):
        assert FACTS.deref_opcodes == real(dis.hasfree)
    known = set(opcode.opmap)
    assert FACTS.class_deref in FACTS.deref_opcodes & known
    assert FACTS.closure_loads <= (FACTS.local_opcodes | FACTS.local_pair_opcodes | FACTS.deref_opcodes)
    for name in FACTS.local_pair_opcodes:
        assert name.count("_FAST") == 2


def instructions(code: types.CodeType) -> list[dis.Instruction]:
    return list(dis.get_instructions(code))


def test_code_fields_are_the_interpreters() -> None:
    def plain() -> None:
        pass

    def documented() -> None:
        """It has one."""

    code = plain.__code__
    assert code.replace(**{FACTS.line_table: getattr(code, FACTS.line_table)}) == code
    assert FACTS.qualname_in_code == hasattr(code, "co_qualname")
    assert FACTS.exception_table == hasattr(code, "co_exceptiontable")
    assert FACTS.unified_locals == hasattr(code, "_varname_from_oparg")
    if FACTS.docstring_flag:
        assert documented.__code__.co_flags & FACTS.docstring_flag
        assert not code.co_flags & FACTS.docstring_flag
    elif sys.flags.optimize < 2:
        assert documented.__code__.co_flags == code.co_flags


def test_jump_arguments_count_in_the_unit() -> None:
    """A jump's argument times the unit is the distance in bytes."""
    code = compile("while x:\n    y\n", "<test>", "exec")
    jumps = [
        each for each in instructions(code) if each.opname in FACTS.relative_jumps | FACTS.absolute_jumps
    ]
    assert jumps
    for jump in jumps:
        steps = jump.arg * FACTS.jump_unit
        if jump.opname in FACTS.absolute_jumps:
            assert jump.argval == steps
            continue
        after = jump.offset + 2 + 2 * FACTS.caches.get(jump.opname, 0)
        assert jump.argval == (after - steps if jump.opname in FACTS.backward_jumps else after + steps)


def test_name_arguments_are_shifted() -> None:
    """The index into co_names stands above the flag bits."""
    code = compile(
        "def f(a):\n    a.first; a.second; third(a.fourth()); a.fifth = fourth\n", "<test>", "exec"
    ).co_consts[0]
    seen = 0
    for each in instructions(code):
        if each.opname in FACTS.name_shift:
            assert code.co_names[each.arg >> FACTS.name_shift[each.opname]] in each.argrepr
            seen += 1
    assert seen == 6


def test_nulls_stand_where_the_facts_say() -> None:
    """The NULL that a call wants: whether LOAD_GLOBAL pushes it, and whether it lies above the callable."""
    called = compile("def f(): return g()", "<test>", "exec").co_consts[0]
    loads = [each for each in instructions(called) if each.opname == "LOAD_GLOBAL"]
    assert bool(loads[0].arg & 1) == FACTS.global_null_bit
    nested = compile("def f(a): return a()", "<test>", "exec").co_consts[0]
    names = [each.opname for each in instructions(nested)]
    if "PUSH_NULL" in names:
        load = next(index for index, name in enumerate(names) if name.startswith("LOAD_FAST"))
        assert (names.index("PUSH_NULL") > load) == FACTS.null_after_callable
    else:
        assert not FACTS.null_after_callable


def test_factories_make_functions_with_every_attribute() -> None:
    """A factory for each set of attributes: what comes out has them, and runs."""
    if FACTS.function_factory is None:
        assert FACTS.version < (3, 13)
        return

    def make(x):
        def func(a=0, *, b=0):
            return x, a, b

        return func

    func = make(1)
    values = {1: (5,), 2: {"b": 6}, 4: {"a": int}, 8: func.__closure__, 16: lambda format: {"a": str}}
    for attributes in range(32):
        if not attributes & 8 or (attributes & 16 and FACTS.version < (3, 14)):
            continue  # without its closure this code cannot run
        given = values.values()  # what the attributes do not name is ignored
        new = types.FunctionType(FACTS.function_factory(attributes), globals())(func.__code__, *given)
        assert new.__defaults__ == (values[1] if attributes & 1 else None)
        assert new.__kwdefaults__ == (values[2] if attributes & 2 else None)
        assert new.__closure__ is func.__closure__
        assert new(7, b=8) == (1, 7, 8)
        assert new.__globals__ is globals()


def test_frozen_objects_are_the_programs_own() -> None:
    """What the interpreter froze for itself does not count; what the program froze does."""
    script = (
        "import gc, sys, warnings\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from recell import compat\n"
        "warnings.simplefilter('error')\n"
        "compat.warn_of_frozen('owners', 1)\n"
        "gc.freeze()\n"
        "assert gc.get_freeze_count() > 1000\n"
        "try:\n"
        "    compat.warn_of_frozen('owners', 1)\n"
        "except RuntimeWarning as warning:\n"
        "    assert str(gc.get_freeze_count()) in str(warning) and 'owners' in str(warning)\n"
        "else:\n"
        "    raise SystemExit('no warning')\n"
    )
    source = Path(recell.__file__).parent.parent
    subprocess.run([sys.executable, "-I", "-S", "-c", script, str(source)], check=True)
