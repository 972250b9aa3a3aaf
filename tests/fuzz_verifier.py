"""Mutated code objects through `verify`; those that it accepts are run, in child processes under limits.

    python fuzz_verifier.py 20000 [seed]      # counts, and every death by a signal with the number of its mutant
    python fuzz_verifier.py --show SEED NUMBER  # that mutant again: what was changed, and its disassembly

A mutant is made from a seed and its number alone, so that each can be made again. The child writes the numbers of
the mutants that it runs into a file; when a signal ends it, the last ones are run again, each in a process of its own,
since memory that one mutant spoils may kill a later one. The next child goes on behind them.
"""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from opcode import opmap
from types import CellType, CodeType, FunctionType

SECONDS = 0.5  # for one mutant
# for a child that shows no progress: its alarm rings after SECONDS, so it is in a loop that lets no signal in
PATIENCE = 4 if hasattr(sys, "gettotalrefcount") else 2
STARTING = 120  # for a child's imports, and a mutant that runs alone
MEMORY = 3 << 30
COPY_FREE_VARS = opmap.get("COPY_FREE_VARS")
ELSEWHERE = ("ENTER_EXECUTOR", "TRACE_RECORD")
DEBUG_311 = hasattr(sys, "gettotalrefcount") and sys.version_info[:2] == (3, 11)
RECORD = 260
ALONE = 60  # how many of the last mutants are run again, one by one
TABLES = ("co_linetable", "co_exceptiontable") if hasattr(CodeType, "co_exceptiontable") else ("co_lnotab",)
if sys.version_info[:2] == (3, 10):
    TABLES = ("co_linetable",)


# -- mutants ----------------------------------------------------------------------------------------


def _bytes_changed(rng, data):
    """Some bytes: a bit flipped, one replaced, one more, one less, cut off, two swapped."""
    data = bytearray(data)
    if not data:
        return bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
    where = rng.randrange(len(data))
    how = rng.randrange(6)
    if how == 0:
        data[where] ^= 1 << rng.randrange(8)
    elif how == 1:
        data[where] = rng.randrange(256)
    elif how == 2:
        data.insert(where, rng.randrange(256))
    elif how == 3:
        del data[where]
    elif how == 4:
        del data[where:]
    else:
        other = rng.randrange(len(data))
        data[where], data[other] = data[other], data[where]
    return bytes(data)


def _units_changed(rng, data, numbers):
    """Code units: an opcode or argument replaced or nudged, units swapped, dropped, repeated, blanked."""
    units = [data[i : i + 2] for i in range(0, len(data), 2)]
    where = rng.randrange(len(units))
    number, argument = units[where]
    how = rng.randrange(9)
    if how == 0:
        units[where] = bytes((rng.choice(numbers), argument))
    elif how == 1:
        units[where] = bytes((number, rng.randrange(256)))
    elif how in (2, 3):
        units[where] = bytes((number, (argument + rng.choice((-2, -1, 1, 2, 16))) % 256))
    elif how == 4:
        other = min(len(units) - 1, where + rng.randint(1, 4))
        units[where], units[other] = units[other], units[where]
    elif how == 5:
        del units[where]
    elif how == 6:
        units.insert(where, units[rng.randrange(len(units))])
    elif how == 7:
        units[where] = bytes((numbers[0], 0))
    else:
        units[where] = bytes((number ^ 1 << rng.randrange(8), argument))
    return b"".join(units)


def constructible(data):
    """The bytes, or ValueError where making or reading the code object would itself spoil memory."""
    import opcode

    caches = getattr(opcode, "_inline_cache_entries", None)
    if caches is None:
        return data
    numbers = opcode.opmap
    size = dict(enumerate(caches)) if isinstance(caches, list) else {numbers[n]: c for n, c in caches.items()}
    kept = {
        number for name, number in numbers.items() if name.startswith("INSTRUMENTED_") or name in ELSEWHERE
    }
    if not kept.isdisjoint(data[::2]):
        raise ValueError("cannot be read")
    unit, units, known = 0, len(data) // 2, set(numbers.values())
    while unit < units:
        number = data[2 * unit]
        caches = size.get(number, 0)
        if number not in known or unit + caches >= units:
            raise ValueError("reads or writes behind the code")
        if DEBUG_311 and any(data[2 * unit + 2 : 2 * (unit + caches) + 2]):
            raise ValueError("the constructor asserts empty caches")
        unit += 1 + caches
    return data


def mutate(rng, code, numbers, depth=0):
    """One change of a code object, in words and done. The constructor may refuse it (ValueError, ...)."""
    inner = [index for index, constant in enumerate(code.co_consts) if isinstance(constant, CodeType)]
    if inner and rng.random() < 0.3:
        index = rng.choice(inner)
        words, new = mutate(rng, code.co_consts[index], numbers, depth + 1)
        consts = list(code.co_consts)
        consts[index] = new
        return f"const {index}: {words}", code.replace(co_consts=tuple(consts))
    how = rng.random()
    if how < 0.6:
        return "units", code.replace(co_code=constructible(_units_changed(rng, code.co_code, numbers)))
    if how < 0.68:
        return "bytes", code.replace(co_code=constructible(_bytes_changed(rng, code.co_code)))
    if how < 0.76:
        table = rng.choice(TABLES)
        return table, code.replace(**{table: _bytes_changed(rng, getattr(code, table))})
    if how < 0.84:
        field = rng.choice(
            ("co_stacksize", "co_flags", "co_argcount", "co_kwonlyargcount", "co_posonlyargcount")
        )
        value = getattr(code, field)
        value = (
            value ^ 1 << rng.randrange(10)
            if field == "co_flags"
            else max(0, value + rng.choice((-2, -1, 1, 2)))
        )
        return f"{field} {getattr(code, field)} -> {value}", code.replace(**{field: value})
    field = rng.choice(("co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars"))
    items = list(getattr(code, field))
    what = rng.randrange(5)
    if what == 0 and items:
        del items[rng.randrange(len(items))]
    elif what == 1 and len(items) > 1:
        first, second = rng.sample(range(len(items)), 2)
        items[first], items[second] = items[second], items[first]
    elif field == "co_consts" and items:
        item = rng.choice(
            (None, (), ("a",), ("a", 1), 1, "text", CellType(1), (CellType(1),), code, [], {}, True)
        )
        items[rng.randrange(len(items))] = item
    else:
        names = (*code.co_names, *code.co_varnames, "more")
        items.insert(rng.randint(0, len(items)), rng.choice(names))
    more = {"co_nlocals": len(items)} if field == "co_varnames" else {}
    return f"{field} {getattr(code, field)} -> {items}", code.replace(**{field: tuple(items)}, **more)


def mutant(seed, number, calls, numbers):
    """`(function, arguments, keyword arguments, what was changed, code)`; the code is None where it cannot be made."""
    rng = random.Random(f"{seed}:{number}")
    func, args, more = rng.choice(calls)
    code, words = func.__code__, []
    try:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            what, code = mutate(rng, code, numbers)
            words.append(what)
    except (ValueError, TypeError, SystemError, OverflowError, IndexError, RecursionError):
        code = None
    return func, args, more, "; ".join(words), code


# -- running one ------------------------------------------------------------------------------------


class TimesUp(BaseException):
    """The mutant has run long enough."""


def _alarm(signum, frame):
    raise TimesUp


def _look(frame, event, arg):
    """A tracer that looks at everything that can be looked at.

    Up to 3.12, looking at a frame's locals follows a null pointer where free variables were declared but never copied
    (such code runs well otherwise, and is accepted), and unbinds one of two locals of the same name.
    """
    code = frame.f_code
    if sys.version_info >= (3, 13) or (
        (not code.co_freevars or COPY_FREE_VARS is None or COPY_FREE_VARS in code.co_code[::2])
        and len(set(code.co_varnames)) == len(code.co_varnames)
    ):
        frame.f_locals
    frame.f_lineno
    return _look


def use(made, args, more):
    """Call it, and exhaust what it gives: values sent, exceptions thrown, closed half way."""
    try:
        got = made(*args, **more)
    except Exception as error:
        error.__traceback__.tb_lineno
        return
    if hasattr(got, "__anext__"):
        got = got.asend(None)
    if not (hasattr(got, "send") and hasattr(got, "throw")):
        return
    for step in range(12):
        try:
            if step == 5:
                got.throw(KeyError("thrown"))
            else:
                got.send(None if step < 3 else step)
            getattr(got, "gi_yieldfrom", None), getattr(got, "cr_await", None)
        except Exception:
            break
    try:
        got.close()
    except Exception:
        pass


def run(code, func, args, more, times):
    """Run a mutant often enough that the interpreter specialises it, once traced, once looked at."""
    import dis

    cells = list(func.__closure__ or ())[: len(code.co_freevars)]
    cells += [CellType(number) for number in range(len(code.co_freevars) - len(cells))]
    namespace = func.__globals__
    made = FunctionType(code, namespace, None, func.__defaults__, tuple(cells) if cells else None)
    made.__kwdefaults__ = func.__kwdefaults__
    for _ in range(times):
        use(made, args, more)
    sys.settrace(_look)
    try:
        use(made, args, more)
    finally:
        sys.settrace(None)
    use(made, (), {})
    if hasattr(code, "co_positions"):
        list(code.co_positions())
    list(dis.findlinestarts(code))


def limit():
    """Memory, recursion and time."""
    import resource
    import warnings

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(300)
    signal.signal(signal.SIGALRM, _alarm)


def child(seed, first, last, log, times):
    """Make, verify and run the mutants of a range; what became of each goes to the log."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import fuzz_specimens

    from recell import UnsafeCodeError, verify

    limit()
    faulthandler.enable()
    numbers = [opmap["NOP"], *sorted(number for number in opmap.values() if number < 256)]
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(first, last):
        func, args, more, _, code = mutant(seed, number, fuzz_specimens.CALLS, numbers)
        if code is None:
            os.write(handle, b"not-made\n")
            continue
        try:
            verify(code)
        except (UnsafeCodeError, RecursionError):
            os.write(handle, b"refused\n")
            continue
        os.write(handle, b"%d\n" % number)
        if code == func.__code__:
            os.write(handle, b"unchanged\n")
        try:
            signal.setitimer(signal.ITIMER_REAL, SECONDS, 0.05)
            try:
                run(code, func, args, more, times)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except TimesUp:
            os.write(handle, b"stopped\n")
        except BaseException:
            pass
        finally:
            for _ in range(3):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    break
                except TimesUp:
                    pass


# -- many -------------------------------------------------------------------------------------------


def fuzz(count, seed=0, times=10, first=0, python=sys.executable, report=lambda line: None):
    """Run mutants in children, `(counts, deaths)`; a death is `(number, signal's name, where)`."""
    counts, deaths = Counter(), []
    number, end = first, first + count
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        while number < end:
            last = min(end, number + 2000)
            with open(log, "wb") as empty:
                empty.truncate()
            command = [
                python,
                os.path.abspath(__file__),
                "--child",
                str(seed),
                str(number),
                str(last),
                log,
                str(times),
            ]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
            )
            where, since, hangs = b"", time.monotonic(), False
            output = b""
            while True:
                try:
                    output, errors = process.communicate(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    with open(log, "rb") as reading:
                        now = reading.read()
                    if now != where:
                        where, since = now, time.monotonic()
                    elif time.monotonic() - since > (PATIENCE if now else STARTING):
                        hangs = True
                        process.send_signal(signal.SIGABRT)  # faulthandler says where it is
                        output, errors = process.communicate()
                        break
            with open(log) as reading:
                said = reading.read().split()
            run_before = [int(word) for word in said if word.isdigit()]
            counts["accepted"] += len(run_before)
            counts.update(word for word in said if not word.isdigit())
            if process.returncode == 0:
                number = last
                continue
            if not run_before:
                raise RuntimeError(
                    f"a child ended with {process.returncode} before its first mutant: {errors.decode()}"
                )
            culprit = run_before[-1]
            name = (
                signal.Signals(-process.returncode).name
                if process.returncode < 0
                else str(process.returncode)
            )
            if hangs:
                counts["hung"] += 1
                if deaf(seed, culprit):
                    counts["deaf"] += 1
                else:
                    report(f"mutant {culprit}: hung {errors.decode()[-300:]}")
            elif process.returncode > 0:
                counts["exited"] += 1  # sys.exit and the like
                report(f"mutant {culprit}: exit {process.returncode} {errors.decode()[-300:]}")
            else:
                guilty = 0
                for suspect in reversed(run_before[-ALONE:]):
                    alone = [python, os.path.abspath(__file__), "--run", str(seed), str(suspect)]
                    try:
                        again = subprocess.run(
                            alone, stdin=subprocess.DEVNULL, capture_output=True, timeout=STARTING, cwd=folder
                        )
                    except subprocess.TimeoutExpired:
                        continue
                    if again.returncode < 0:
                        guilty = -again.returncode
                        deaths.append((suspect, signal.Signals(guilty).name, "alone"))
                        said = again.stderr.decode()[-300:] + again.stdout.decode()[:200]
                        report(f"mutant {suspect}: {deaths[-1][1]} {said}")
                        break
                if not guilty:
                    deaths.append((culprit, name, "only after others"))
                    report(f"mutant {culprit}: {name}, only after others {errors.decode()[-300:]}")
            number = culprit + 1
    counts["deaths"] = len(deaths)
    return counts, deaths


def show(seed, number, disassemble=True):
    """One mutant, taken apart."""
    import dis

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import fuzz_specimens

    numbers = [opmap["NOP"], *sorted(value for value in opmap.values() if value < 256)]
    func, args, more, words, code = mutant(seed, number, fuzz_specimens.CALLS, numbers)
    print(func.__qualname__, args, more, "|", words)
    for one, old in pairs(code, func.__code__):
        if one != old and disassemble:
            before = [(i.opname, i.arg) for i in dis.get_instructions(old)]
            after = [(i.opname, i.arg) for i in dis.get_instructions(one)]
            for index, (a, b) in enumerate(zip(before, after)):
                if a != b:
                    print("first difference at", index, a, b)
                    break
            try:
                dis.dis(one, depth=0)
            except Exception as error:
                print(repr(error))
    return code, func, args, more


def deaf(seed, number):
    """Whether a mutant has got a jump backwards in which the interpreter looks for no signals: a loop for ever."""
    import fuzz_specimens

    jump = opmap.get("JUMP_BACKWARD_NO_INTERRUPT")
    numbers = [opmap["NOP"], *sorted(value for value in opmap.values() if value < 256)]
    func, _, _, _, code = mutant(seed, number, fuzz_specimens.CALLS, numbers)
    return any(
        jump in one.co_code[::2] and one.co_code != old.co_code for one, old in pairs(code, func.__code__)
    )


def pairs(one, old):
    """A code object and its original, and all those inside."""
    yield one, old
    for a, b in zip(one.co_consts, old.co_consts):
        if isinstance(a, CodeType) and isinstance(b, CodeType):
            yield from pairs(a, b)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
    elif sys.argv[1] == "--show":
        show(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "--run":
        limit()
        changed = show(sys.argv[2], int(sys.argv[3]), False)
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            run(*changed, 20)
        except TimesUp:
            pass
        import gc

        gc.collect()
    else:
        started = time.time()
        found, killed = fuzz(
            int(sys.argv[1]), *sys.argv[2:3], report=lambda line: print(" ".join(line.split())[:RECORD])
        )
        print(sys.version.split()[0], dict(found), f"{time.time() - started:.0f} s")
