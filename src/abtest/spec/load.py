"""Load a spec: every fault at once, each with its line."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from abtest.errors import Fault, SpecError
from abtest.spec.experiment import Rest, Spec
from abtest.spec.faults import causes, faults_of, locate, misspellings
from abtest.spec.names import Names, unknown_streams
from abtest.spec.plain import YamlPath, plain_mapping
from abtest.spec.rules import advice_on, faults_in
from abtest.spec.yaml_text import Document, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# Each round takes out what pydantic refused; faults nest a few levels at most.
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A valid spec and where it came from.

    Attributes:
        spec: The spec.
        folder: What the paths in it are relative to.
        document: The text it was read from, for line numbers.
    """

    spec: Spec
    folder: Path
    document: Document

    @property
    def advice(self) -> tuple[Fault, ...]:
        """What is allowed but probably not meant."""
        return tuple(self.document.placed(fault) for fault in advice_on(self.spec))


@dataclass(frozen=True, slots=True)
class Absent:
    """What a draft lacks only because it is faulty.

    Attributes:
        removed: Paths that were taken out.
        misspelt: Paths that unknown keys probably mean.
    """

    removed: tuple[YamlPath, ...] = ()
    misspelt: frozenset[YamlPath] = frozenset()

    def placed(self, faults: Sequence[Fault], document: Document) -> list[Fault]:
        """The faults with lines, without those that only follow from what is absent."""
        found = [
            Fault(_original(fault.path, self.removed), fault.message, fault.hint)
            for fault in faults
        ]
        return [document.placed(fault) for fault in found if not self._explains(fault.path)]

    def _explains(self, path: YamlPath) -> bool:
        meant = any(path in (other, other[:-1]) for other in self.misspelt)
        return meant or any(_overlap(path, other) for other in self.removed)


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec with everything that is wrong with it.

    Attributes:
        loaded: What is left of the spec once the faulty parts are taken out.
        faults: What is wrong, in file order.
        absent: The parts that are missing from ``loaded`` only because they are faulty.
    """

    loaded: LoadedSpec
    faults: tuple[Fault, ...]
    absent: Absent = Absent()

    def with_faults(self, more: Sequence[Fault]) -> Draft:
        """The draft with faults that were found by looking at the data as well."""
        placed = self.absent.placed(more, self.loaded.document)
        return Draft(self.loaded, _in_order([*self.faults, *placed]), self.absent)

    def require(self) -> LoadedSpec:
        """The spec, where nothing is wrong with it.

        Raises:
            SpecError: Something is; the error lists every fault.
        """
        if self.faults:
            raise SpecError(self.faults)
        return self.loaded


def load_spec(path: str | Path) -> LoadedSpec:
    """Read and check a spec's file.

    Raises:
        SpecError: The file is at fault; the error lists every fault with its line.
    """
    return draft_spec(path).require()


def draft_spec(path: str | Path) -> Draft:
    """Read a spec's file and keep what is right and what is wrong with it.

    Raises:
        SpecError: The file cannot be read, or is not YAML.
    """
    path = Path(path)
    return draft_document(read_document(path), path.parent)


def parse_spec(data: Mapping[str, Any], folder: str | Path = ".") -> LoadedSpec:
    """Check a spec that is already plain data, such as a dict in a notebook.

    Args:
        data: The spec's keys and values.
        folder: What the paths in it are relative to.

    Raises:
        SpecError: The spec is at fault; the error lists every fault.
    """
    return draft_mapping(data, folder).require()


def draft_mapping(data: Mapping[str, Any], folder: str | Path = ".") -> Draft:
    """Check plain data and keep what is right and what is wrong with it.

    Raises:
        SpecError: It holds values that no spec can hold.
    """
    return draft_document(Document(plain_mapping(data)), Path(folder))


def draft_document(document: Document, folder: Path) -> Draft:
    """Check a document: pydantic's faults first, then the rules on what is left."""
    data = document.data
    faults = list(document.faults)
    try:
        spec, absent = _validated(Spec, data), Absent()
    except ValidationError as error:
        faults += faults_of(error, Spec, document)
        spec, absent = _rest(data, error)
    names = Names.of(data)
    faults += [document.placed(fault) for fault in unknown_streams(names)]
    faults += absent.placed(faults_in(spec, names), document)
    return Draft(LoadedSpec(spec, folder, document), _in_order(faults), absent)


def _validated(model: type[Spec], data: Any) -> Spec:  # noqa: ANN401 - plain data
    return model.model_validate_json(json.dumps(data))


def _rest(data: Any, error: ValidationError) -> tuple[Spec, Absent]:  # noqa: ANN401 - plain data
    """What is left of the data, so that the rules can look at it, and what was taken out."""
    misspelt = frozenset(misspellings(error, Spec, data))
    removed: list[YamlPath] = []
    for _ in range(_ROUNDS):
        data, gone = _without(data, error)
        removed += [_original(path, removed) for path in gone]
        try:
            return _validated(Rest, data), Absent(tuple(removed), misspelt)
        except ValidationError as another:
            error = another
    return Rest(), Absent(((),), misspelt)


def _in_order(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: (fault.line, fault.dotted)))


def _without(data: Any, error: ValidationError) -> tuple[Any, list[YamlPath]]:  # noqa: ANN401
    """The data without what was refused, so that the cross-field rules can run on the rest."""
    data = copy.deepcopy(data)
    gone: list[YamlPath] = []
    for details in causes(error):
        path, _ = locate(Spec, details["loc"], data)
        if details["type"] == "missing" and len(path) > 1:
            path = path[:-1]  # what lacks a key cannot stay
        blanked = _blank(data, path)
        # A missing key is missed by the rules; an unknown one is not.
        if details["type"] == "missing" or (blanked and details["type"] != "extra_forbidden"):
            gone.append(path)
    _drop_blanks(data)
    return data, gone


class _Blank:
    """Stands where a value was taken out, so that list indices hold until all are out."""


_BLANK = _Blank()


def _blank(data: Any, path: YamlPath) -> bool:  # noqa: ANN401 - plain data
    for step in path[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return False
    try:
        if data[path[-1]] is _BLANK:
            return False
        data[path[-1]] = _BLANK
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _drop_blanks(data: Any) -> None:  # noqa: ANN401 - plain data
    if isinstance(data, dict):
        for key in [key for key, value in data.items() if value is _BLANK]:
            del data[key]
        for value in data.values():
            _drop_blanks(value)
    elif isinstance(data, list):
        data[:] = [value for value in data if value is not _BLANK]
        for value in data:
            _drop_blanks(value)


def _original(path: YamlPath, removed: Sequence[YamlPath]) -> YamlPath:
    """The path in the file, from one in the data after items were taken out of its lists."""
    found: YamlPath = ()
    for step in path:
        if isinstance(step, int):
            place = step
            gone = sorted(p[-1] for p in removed if p[:-1] == found and isinstance(p[-1], int))
            for index in gone:
                place += index <= place
            found = (*found, place)
        else:
            found = (*found, step)
    return found


def _overlap(path: YamlPath, removed: YamlPath) -> bool:
    """Whether a rule may have failed only because a part that it looks at was taken out.

    A list that lost an item is no such part: rules know the names of all items, faulty or not.
    """
    shorter = min(len(path), len(removed))
    return path[:shorter] == removed[:shorter] and (path != ("metrics",) or path == removed)
