"""Actions of instructions on functions, generators and calls, and on what compilers put beside them."""

from __future__ import annotations

from recell.verifier import kinds
from recell.verifier import opcodes as ops
from recell.verifier.actions import Actions
from recell.verifier.trusting import GENERATOR_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.verifier.actions import Action, Handler, Now

WIDTH, ENTRY, KIND = kinds.WIDTH, kinds.ENTRY, kinds.KIND


class CallActions(Actions):
    """The rest of the state-independent half of a walk."""

    def function(self, index: int, flags: int, now: Now, handler: Handler | None) -> Now:
        """MAKE_FUNCTION with everything on the stack: the closure must have as many cells as the code wants."""
        stack, depth, unset, loose, pushed = now
        below = 0 if self.machine.release.qualname_in_code else WIDTH
        wanted = (stack >> below & ENTRY) >> kinds.PARAMETER
        given = (stack >> below + WIDTH & ENTRY) >> kinds.PARAMETER if flags & 8 else 0
        if wanted != given:
            raise self.refuse(index, f"its closure has {given} cells, its code {wanted} free variables")
        pushed = (stack >> below & kinds.CODES) << kinds.TO_FUNCTION
        return stack, depth, unset, loose, pushed

    def bare_function(self, index: int, flags: int, now: Now, handler: Handler | None) -> Now:
        """MAKE_FUNCTION before its closure is set."""
        stack, depth, unset, loose, pushed = now
        wanted = (stack & ENTRY) >> kinds.PARAMETER
        pushed = (stack & kinds.CODES) << kinds.TO_FUNCTION
        if wanted:
            if index + 1 not in self.program.attributes:
                raise self.refuse(index, "a function still lacks its closure")
            pushed |= kinds.PENDING | wanted << kinds.PARAMETER
        return stack, depth, unset, loose, pushed

    def attribute(self, index: int, flag: int, now: Now, handler: Handler | None) -> Now:
        """SET_FUNCTION_ATTRIBUTE: the attribute lies below the function."""
        stack, depth, unset, loose, pushed = now
        wanted = {1: "tuple", 2: "dict", 4: "pairs", 8: "cells", 16: "function"}.get(flag)
        function, value = stack & ENTRY, stack >> WIDTH & ENTRY
        if index not in self.program.attributes:
            raise self.refuse(index, "sets an attribute of a function that is not new")
        if wanted is None or depth < 2 or function & KIND & ~(kinds.FUNCTIONS | kinds.PENDING):
            raise self.refuse(index, f"cannot set attribute {flag} of {kinds.describe(function)}")
        if value & KIND & ~(kinds.ACCEPTED[wanted] | kinds.BORROWED):
            raise self.refuse(index, f"cannot set attribute {flag} to {kinds.describe(value)}")
        if flag == 8:
            if value >> kinds.PARAMETER != function >> kinds.PARAMETER:
                cells, free = value >> kinds.PARAMETER, function >> kinds.PARAMETER
                raise self.refuse(index, f"its closure has {cells} cells, its code {free} free variables")
            function &= kinds.FUNCTIONS
        return stack >> 2 * WIDTH << WIDTH | function, depth - 1, unset, loose, pushed

    def generator(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        if not self.program.code.co_flags & GENERATOR_FLAGS:
            raise self.refuse(index, "makes a generator, but the flags say that this is a plain function")
        if depth > (2 if self.machine.release.resume_before_generator >= 0 else 0):
            raise self.refuse(index, f"leaves {depth} values on the stack of the generator")
        if not unset & self.started or any(leader <= index for leader in self.leaders):
            raise self.refuse(index, "makes a generator of a generator")
        resume = self.machine.numbers["RESUME"]
        for earlier in range(index):  # a frame that has been seen cannot move into a generator
            number, argument = self.program.read(earlier)
            if number == resume and argument != self.machine.release.resume_before_generator:
                raise self.refuse(index, f"makes a generator after RESUME {argument}")
        return stack, depth, unset & ~self.started, loose, pushed

    def yield_value(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        """A yield belongs into a generator, RESUME stands behind it, and SEND before one that delegates."""
        stack, depth, unset, loose, pushed = now
        if unset & self.started:
            raise self.refuse(index, "yields, but no generator was made")
        program, machine = self.program, self.machine
        number, argument = program.read(index + 1) if index + 1 < len(program.moves) else (-1, 0)
        if number != machine.numbers["RESUME"] or not argument & 3:
            raise self.refuse(index, "is not followed by a RESUME that says so")
        delegates = (argument & 3) >= 2 or (operand and machine.release.delegating_yields)
        if delegates and (
            not index or program.read(index - 1)[0] != machine.numbers["SEND"] or index in self.leaders
        ):
            raise self.refuse(index, "delegates, but does not follow SEND")
        if operand and machine.release.delegating_yields and argument & 3 < 2:
            raise self.refuse(index, f"delegates, but RESUME {argument} behind it does not say so")
        if handler is not None:
            self.protect(index, handler, stack >> WIDTH << WIDTH | kinds.OBJECT, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def intrinsic(self, index: int, number: int, now: Now, handler: Handler | None) -> Now:
        """Check the place: what makes a RuntimeError of StopIteration looks at the generator it runs in."""
        if number == self.machine.release.stop_iteration_error and now[2] & self.started:
            raise self.refuse(index, "is for generators, but no generator was made")
        return now

    def keywords(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        names = (stack & ENTRY) >> kinds.PARAMETER
        if names > count:
            raise self.refuse(index, f"names {names} of {count} arguments")
        return stack, depth, unset, loose, pushed

    def call_names(self, index: int, constant: int, now: Now, handler: Handler | None) -> Now:
        """KW_NAMES: the call behind it must have as many arguments."""
        stack, depth, unset, loose, pushed = now
        names = self.program.code.co_consts[constant]
        if type(names) is not tuple or not all(type(name) is str for name in names):
            raise self.refuse(index, "its constant is no tuple of names")
        number, argument = self.program.read(index + 1)
        if (
            self.machine.names[number] not in ("PRECALL", "CALL")
            or argument < len(names)
            or index + 1 in self.leaders
        ):
            raise self.refuse(index, "is not followed by a call with as many arguments")
        return stack, depth, unset, loose, pushed

    def precall(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """PRECALL does CALL's work where it is specialised: both must mean the same."""
        stack, depth, unset, loose, pushed = now
        if self.program.read(index + 1) != (self.machine.numbers["CALL"], count) or index + 1 in self.leaders:
            raise self.refuse(index, "is not followed by a CALL with its argument")
        return stack, depth, unset, loose, pushed

    def keys(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """BUILD_CONST_KEY_MAP: one key for each value."""
        if (now[0] & ENTRY) >> kinds.PARAMETER != count:
            raise self.refuse(index, "does not have a constant key for each value")
        return now

    def template(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        """A template has one more string than interpolations."""
        strings, values = now[0] >> WIDTH & ENTRY, now[0] & ENTRY
        if values & KIND & kinds.BIT["name_pairs"] and values >> kinds.PARAMETER:
            raise self.refuse(index, "a tuple of strings stands for interpolations")
        if strings >> kinds.PARAMETER != (values >> kinds.PARAMETER) + 1:
            raise self.refuse(index, "does not have one string more than interpolations")
        return now

    def hand_on(self, index: int, stack: int, down: int, pushed: int) -> int:
        """Push a value that may be the one that went in: borrowed still."""
        lent, marked = 0, 0
        for position in range(down // WIDTH):
            entry = stack >> WIDTH * position & ENTRY
            if entry & kinds.BORROWED:
                mark = kinds.BORROWED | entry >> kinds.PARAMETER << kinds.PARAMETER
                if lent and mark != lent:
                    raise self.refuse(index, "hands on one of two borrowed locals")
                lent = mark
        while lent and pushed >> WIDTH * marked:
            pushed |= lent << WIDTH * marked
            marked += 1
        return pushed

    def compare(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """Two integers compare to a bool."""
        stack, depth, unset, loose, pushed = now
        code = self.program.code
        if (
            count == self.machine.idioms.asks_format
            and code.co_argcount == code.co_posonlyargcount == 1
            and index < 8
        ):
            pushed = kinds.BIT["bool"]  # an annotation scope tests what its caller asks for
        if stack & KIND == INT and stack >> WIDTH & KIND == INT:
            pushed = kinds.BIT["bool"]
        return stack, depth, unset, loose, pushed

    def call(self, index: int, stack: int, depth: int, pushed: int) -> int:
        """A function that trusts its arguments must get what it expects; a generator expression makes an iterator."""
        release, count = self.machine.release, self.program.read(index)[1]
        entries = [stack >> WIDTH * position & KIND for position in range(count + 2)]
        if release.unified_locals:
            below, above = entries[count + 1], entries[count]
            if release.null_after_callable:
                called, count = below, count + (above != kinds.NULL)
            elif below == kinds.NULL:
                called = above
            else:
                called, count = below, count + 1
        else:
            called = entries[count]
        expected = EXPECTED.get(called & kinds.TRUSTING, ())
        if called & kinds.TRUSTING and (
            len(expected) != count or any(entry & ~accepted for entry, accepted in zip(entries, expected))
        ):
            raise self.refuse(
                index, f"calls a {kinds.describe(called)} with other arguments than it trusts to get"
            )
        if any(entry & kinds.TRUSTING for entry in entries[:count]):
            raise self.refuse(index, "passes a function on that trusts its arguments")
        return pushed if called & ~kinds.MAKE_ITERATOR else kinds.ITER


INT = kinds.BIT["int"]
# what functions that trust their arguments expect, the last first
EXPECTED: dict[int, tuple[int, ...]] = {
    kinds.BIT["comprehension"]: (kinds.ITER,),
    kinds.BIT["generator_expression"]: (kinds.ITER,),
    kinds.BIT["defaults_function"]: (kinds.ACCEPTED["tuple"],),
    kinds.BIT["kwdefaults_function"]: (kinds.BIT["dict"],),
    kinds.BIT["all_defaults_function"]: (kinds.BIT["dict"], kinds.ACCEPTED["tuple"]),
}

BY_NUMBER: list[Action] = [None] * ops.ACTIONS
"""The methods of Actions by the number of the action; None for what the walk does itself."""
for _name, _number in ops.NUMBERS.items():
    if _number >= ops.DELETE and _number != ops.HAND_ON:
        BY_NUMBER[_number] = getattr(CallActions, _name)
