"""What becomes of each name: the living module beside a run of its new text. Only decided here, nothing changes."""

from __future__ import annotations

import functools
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.callables import cache_parameters
from recell.compat import LAZY_IMPORT, resolved
from recell.errors import ScopeError, short
from recell.layers.records import layered
from recell.layers.values import ABSENT, CellLayer
from recell.reloading.annotations import of_class, of_module
from recell.reloading.bindings import CLASS_OWN, DECLARED, MODULE_OWN, Claim, Site
from recell.reloading.claiming import Claims
from recell.reloading.following import code_of, shows_the_same
from recell.reloading.likeness import ATOMS, SHOWN, equal, is_member, slots
from recell.reloading.living import Inhabitants
from recell.reloading.translating import CACHE, Translation

if TYPE_CHECKING:
    from types import CodeType

    from recell.reloading.comparing import Comparison
    from recell.reloading.earlier import Constants

__all__ = ["Merge"]

_DESCRIPTORS = (staticmethod, classmethod, property, functools.cached_property, functools.partialmethod)


def _same_import(old: Any, new: Any) -> bool:
    """Whether two objects, one a lazy import at least, are or stand for the same."""
    if type(old) is type(new):
        return repr(old) == repr(new)
    return resolved(old) is resolved(new)


class Merge(Claims):
    """What a reload is going to do.

    Attributes: `claims` and `plain` by the id of the living function, the latter those that get nothing but code;
    `bindings`; notes for the report: `added`, `removed`, `changed` (names), `kept` and `left` (with reasons),
    `refused` (errors).

    Args:
        living: the module's functions and classes.
        scratch: the run's.
        comparison: of their code.
        translation: from the run's objects to living ones.
        constants: of the old text.
        rerun: whether data follows the new text too.
    """

    living: Inhabitants
    scratch: Inhabitants
    comparison: Comparison
    translation: Translation
    constants: Constants
    rerun: bool
    partner: dict[int, CodeType]

    def __init__(
        self,
        living: Inhabitants,
        scratch: Inhabitants,
        comparison: Comparison,
        translation: Translation,
        constants: Constants,
        rerun: bool,
    ) -> None:
        self.living, self.scratch, self.comparison = living, scratch, comparison
        self.translation, self.constants, self.rerun = translation, constants, rerun
        self.partner = {id(pair.old): pair.new for pair in comparison.pairs}
        self._edited = {pair.path for pair in comparison.pairs if not pair.moved}
        self.claims: dict[int, Claim] = {}
        self.plain: dict[int, CodeType] = {}
        self._layered = layered()
        self.bindings: list[tuple[Site, str, Any]] = []
        self.bridges: list[tuple[FunctionType, Any]] = []
        self.cells: list[CellLayer] = []
        self.classes: list[tuple[type, type]] = []
        self.added: list[str] = []
        self.removed: list[str] = []
        self.changed: list[str] = []
        self.kept: list[tuple[str, str]] = []
        self.left: list[tuple[str, str]] = []
        self.refused: list[Exception] = []
        self._pair_classes(living.namespace, scratch.namespace)
        module = Site(None, living.namespace, "")
        self._names(module, scratch.namespace, living.namespace)
        self.bindings += [(module, *one) for one in of_module(living.namespace, scratch.namespace)]
        for cls, new in self.classes:
            self._class(cls, new)
        self._adopt_others()

    # -- classes --------------------------------------------------------------------------------

    def _pair_classes(self, old: Any, new: Any) -> None:
        for name, value in new.items():
            if type(value) is FunctionType:
                continue
            before = old.get(name)
            if before is value or not issubclass(type(value), type) or not issubclass(type(before), type):
                continue
            module = self.living.module
            if (
                value.__module__ != module
                or before.__module__ != module
                or value.__qualname__ != before.__qualname__
            ):
                continue
            if id(value) in self.translation.living:
                continue
            self.translation.adopt(value, before)
            self.classes.append((before, value))
            self._pair_classes(vars(before), vars(value))

    def _class(self, cls: type, new: type) -> None:
        path = cls.__qualname__
        if self.translation(type(new)) is not type(cls):
            msg = (
                f"{short(cls)} cannot change its metaclass from {short(type(cls))} to {short(type(new))} "
                "while it lives"
            )
            self.refused.append(ScopeError(msg, name=path, names=(), target=short(cls)))
            return
        if slots(cls) != slots(new):
            msg = (
                f"{short(cls)} cannot change its `__slots__` from {slots(cls)!r} to {slots(new)!r} while it lives: "
                "its instances are laid out already"
            )
            self.refused.append(ScopeError(msg, name=path, names=(), target=short(cls)))
            return
        before, after = vars(cls), vars(new)
        members = before.get("_member_map_")
        if members is not None and "_member_names_" in before:
            self._enumeration(cls, new)
            return
        for base, other in zip(cls.__bases__, new.__bases__):
            if base is not other and other.__module__ == base.__module__ == self.living.module:
                if base.__qualname__ == other.__qualname__ and id(other) not in self.translation.living:
                    self.translation.adopt(other, base)  # made by a call in the text, as a named tuple is
                    self.classes.append((base, other))
        bases = tuple([self.translation(base) for base in new.__bases__])
        if bases != cls.__bases__:
            self.bindings.append((Site(cls, before, path), "__bases__", bases))
            self.changed.append(f"{path} (bases)")
        site = Site(cls, before, path)
        self._names(site, after, before)
        self.bindings += [(site, *one) for one in of_class(before, after)]
        abstract = after.get("__abstractmethods__", ABSENT)
        if abstract is not ABSENT and abstract != before.get("__abstractmethods__"):
            self.bindings.append((site, "__abstractmethods__", abstract))

    def _enumeration(self, cls: Any, new: Any) -> None:
        """An enumeration's members are objects that everyone holds: only its functions are followed."""
        values = [{name: member._value_ for name, member in each._member_map_.items()} for each in (cls, new)]
        if list(values[0].items()) != list(values[1].items()):
            msg = f"{short(cls)} cannot change its members while it lives: they are held by identity"
            self.refused.append(ScopeError(msg, name=cls.__qualname__, names=(), target=short(cls)))
            return
        site = Site(cls, vars(cls), cls.__qualname__)
        before, after = vars(cls), vars(new)
        for name, value in after.items():
            inside = getattr(value, "fget" if isinstance(value, property) else "__func__", value)
            if type(inside) is not FunctionType or inside.__globals__ is not self.scratch.namespace:
                continue  # enum's own, or a member
            old = before.get(name, ABSENT)
            if inside is value and type(old) is FunctionType:
                self._functions(site, name, old, inside)
            elif old is not ABSENT:
                self._place(site, name, old, value)
            else:
                self.bindings.append((site, name, value))
                self.added.append(self._path(site, name))
        for name in before:
            path = self._path(site, name)
            if name not in after and path in self.comparison.old and path not in self.comparison.new:
                self.bindings.append((site, name, ABSENT))
                self.removed.append(path)

    # -- names ----------------------------------------------------------------------------------

    def _names(self, site: Site, new: Any, old: Any) -> None:
        own = MODULE_OWN if site.cls is None else CLASS_OWN
        was, partner, same = old.get, self.partner.get, self._same
        adopted, plain = self.translation.living, self.plain
        for name, value in new.items():
            before = was(name, ABSENT)
            if before is value:
                continue
            if type(before) is type(value) is FunctionType:
                code, new_code = before.__code__, value.__code__
                if (code is new_code or partner(id(code)) is new_code) and same(before, value):
                    adopted[id(value)] = before
                    if code is not new_code:
                        plain[id(before)] = new_code
                    continue
            if name in own:
                continue
            if type(before) is LAZY_IMPORT or (type(value) is LAZY_IMPORT and before is not ABSENT):
                if not _same_import(before, value):
                    self._bind(site, name, value)
                continue
            if before is ABSENT:
                if type(value).__name__ != "member_descriptor":
                    self.bindings.append((site, name, value))
                    if name not in DECLARED:
                        self.added.append(self._path(site, name))
            elif type(before) is type(value) is FunctionType:
                self._functions(site, name, before, value)
            else:
                self._place(site, name, before, value)
        for name in [name for name in list(old) if name not in new]:
            if name not in own and self._was_text(site, name, old[name]):
                self.bindings.append((site, name, ABSENT))
                self.removed.append(self._path(site, name))

    def _path(self, site: Site, name: str) -> str:
        return f"{site.path}.{name}" if site.path else name

    def _was_text(self, site: Site, name: str, value: Any) -> bool:
        """Whether a name that the new text does not bind was bound by a `def` or `class` of the old one."""
        path = self._path(site, name)
        if issubclass(type(value), type):
            return bool(value.__module__ == self.living.module and value.__qualname__ == path)
        if path in self.comparison.old:
            return path not in self.comparison.new  # a `def` that a condition left out this time stays
        if type(value) is FunctionType and value.__globals__ is self.living.namespace:
            code = code_of(value)
            return (
                code.co_name == "<lambda>"
                and not site.path
                and any(code is other for other in self.comparison.old["<lambda>"])
            )
        if site.cls is None:
            return False
        return type(value) in ATOMS and self.constants.bound(site.path, name, value)

    def _same(self, old: FunctionType, new: FunctionType) -> bool:
        """Whether a function that nothing stands around or over shows nothing new: code at most is to change."""
        return (
            old.__closure__ is None
            and new.__closure__ is None
            and shows_the_same(old, new)
            and new.__globals__ is self.scratch.namespace
            and old.__globals__ is self.living.namespace
            and not (self._layered and id(old) in self._layered)
            and not (self.claims and id(old) in self.claims)
        )

    def _functions(self, site: Site, name: str, old: FunctionType, new: FunctionType) -> None:
        """A name that was and is bound to a function."""
        if old.__globals__ is not self.living.namespace or new.__globals__ is not self.scratch.namespace:
            self._place(site, name, old, new)
            return
        code, new_code = code_of(old), new.__code__
        if new_code is code and not old.__closure__ and shows_the_same(old, new):
            self.translation.living[id(new)] = old
            return
        if new_code is code or self.partner.get(id(code)) is new_code:
            path = self._path(site, name)
            self._claim(old, new, path)
            if old.__closure__ and path in self.comparison.new and code.co_name != name:
                self._settings(old, new)
            return
        self._place(site, name, old, new)

    def _place(self, site: Site, name: str, old: Any, new: Any) -> None:
        path = self._path(site, name)
        if id(new) in self.translation.living and issubclass(type(new), type):
            living = self.translation(new)
            if living is not old:
                self._bind(site, name, new)
            return
        is_def, was_def = path in self.comparison.new, path in self.comparison.old
        if type(old) is type(new) is FunctionType:
            if old.__globals__ is self.living.namespace and new.__globals__ is self.scratch.namespace:
                code, new_code = code_of(old), new.__code__
                if code.co_name == new_code.co_name == "<lambda>":
                    self._claim(old, new, path)
                    return
                if (
                    is_def
                    and was_def
                    and self._is_made_from(old, path)
                    and not self._goes_on(code, new, path)
                ):
                    self._claim(old, new, path, take=True)
                    return
                self._bind(site, name, new)
                return
        if type(old) is type(new) and issubclass(type(old), _DESCRIPTORS):
            if not self._accessors(path, old, new):
                self._bind(site, name, new)
            return
        if is_def and was_def:
            self._decorated(site, name, path, old, new)
            return
        if site.cls is not None and type(old) is type(new) is FunctionType:
            if not self._made_alike(old, new):  # made by a call in the text, as a data class's methods are
                self._bind(site, name, new, note=False)
            return
        if (
            is_def
            or was_def
            or issubclass(type(new), (type, ModuleType))
            or self._imported(new)
            or self._imported(old)
        ):
            self._bind(site, name, new)
            return
        self._data(site, name, old, new)

    def _bind(self, site: Site, name: str, new: Any, note: bool = True) -> None:
        self.bindings.append((site, name, new))
        if note and name not in DECLARED:
            self.changed.append(self._path(site, name))

    def _imported(self, value: Any) -> bool:
        """Whether a value looks like something that an import gave: a module, or what another module defined."""
        if issubclass(type(value), ModuleType):
            return True
        if type(value) is FunctionType or issubclass(type(value), type) or type(value) is type(len):
            module = getattr(value, "__module__", None)
            return module is not None and module != self.living.module
        return False

    def _decorated(self, site: Site, name: str, path: str, old: Any, new: Any) -> None:
        """A definition whose decorators make something else of it than a function of this module."""
        if type(old) is self.translation.living.get(id(type(new)), type(new)):
            if type(old) is CACHE:
                if cache_parameters(old) == cache_parameters(new):
                    return
            elif type(old) is FunctionType:
                if code_of(old) is new.__code__:
                    self._settings(old, new)
                    return
            elif not issubclass(type(old), _DESCRIPTORS):
                if path in self._edited:
                    why = "what its decorator made stays, with its state; the function in it is changed"
                    if type(old).__name__ == "TypeAliasType":
                        why = "an alias that was evaluated already keeps its value"
                    self.kept.append((path, why))
                return
        raw = self._raw(path)
        if type(new) is FunctionType and new.__globals__ is self.scratch.namespace and raw is not None:
            self._claim(raw, new, path, take=code_of(raw).co_name != new.__code__.co_name)
            self.bindings.append((site, name, raw))
            self.left.append(
                (path, f"who holds {short(old, 60)} goes on with it: it cannot be changed in place")
            )
            return
        own = type(old) is FunctionType and old.__globals__ is self.living.namespace
        if own and site.cls is None and callable(new):
            self.bridges.append((old, new))  # pyright: ignore[reportArgumentType] - checked two lines above
            self.claims[id(old)] = Claim(old, old, path, False)
        self._bind(site, name, new)

    def _data(self, site: Site, name: str, old: Any, new: Any) -> None:
        path = self._path(site, name)
        if name in DECLARED:
            if not equal(old, new):
                self.bindings.append((site, name, new))
            return
        if self.rerun:
            self._bind(site, name, new)
            return
        if equal(old, new):
            return
        text_before = self.constants.unchanged(site.path, name, new)
        if text_before:
            return
        dunder = name[:2] == name[-2:] == "__"
        plain = type(old) in ATOMS or type(old) in (tuple, frozenset) or is_member(old)
        if site.cls is not None and (plain or dunder or (text_before is False and type(new) in ATOMS)):
            self._bind(site, name, new, note=not dunder)
        elif type(old) in SHOWN or type(new) in SHOWN or is_member(old):
            self.kept.append((path, f"stays {short(old, 40)}; the text makes it {short(new, 40)}"))
