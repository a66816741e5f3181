"""The frozen plan: ``experiment.lock.json`` beside the spec, and what was amended since.

Plain JSON with one value a line, so that it reads well in a diff. A SHA-256 over the plan, and one
over each amendment that includes the one before, show whether anything in it was edited, taken out
or put in another order. They are no signature: who rewrites the whole file is found out by version
control alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from abtest.errors import DataError
from abtest.fields import Block
from abtest.spec.drift import Change, changed
from abtest.spec.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from abtest.spec.plan_values import Values

ENDING = ".lock.json"
SCHEMA = "abtest-lock/v1"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_RESTORE = (
    "Restore it from version control. To change the plan, change the spec and say why: "
    '`abtest amend SPEC --why "..."`.'
)


class AmendedValue(Block):
    """One value before and after an amendment; null where there was, or is, none."""

    before: JsonValue = None
    after: JsonValue = None


class Amendment(Block):
    """What was changed after freezing, when and why."""

    on: Instant
    why: Annotated[str, Field(min_length=1)]
    changes: dict[str, AmendedValue]
    follows: Sha256
    """The fingerprint of what came before it: the plan's or the last amendment's."""
    sha256: Sha256

    def by_path(self) -> dict[str, Change]:
        """The changes, as differences are computed."""
        return {path: Change(value.before, value.after) for path, value in self.changes.items()}

    def fingerprint(self) -> str:
        """What ``sha256`` must be."""
        return _sha256(self.model_dump(mode="json", exclude={"sha256"}))


class Lock(Block):
    """A frozen plan and its amendments."""

    schema_: Annotated[Literal["abtest-lock/v1"], Field(alias="schema")]
    experiment: str
    frozen_on: Instant
    abtest_version: str
    plan: dict[str, JsonValue]
    fixed: dict[str, JsonValue] = {}
    """What was computed from history when the plan was frozen."""
    sha256: Sha256
    amendments: tuple[Amendment, ...] = ()
    head: Sha256
    """The fingerprint of the last entry, so that one that is taken off the end is missed."""

    def fingerprint(self) -> str:
        """What ``sha256`` must be."""
        body = self.model_dump(mode="json", exclude={"sha256", "amendments", "head"}, by_alias=True)
        return _sha256(body)

    def plan_now(self) -> Values:
        """The plan with every amendment."""
        plan = dict(self.plan)
        for amendment in self.amendments:
            plan = changed(plan, amendment.by_path())
        return plan

    def text(self) -> str:
        """The file's text: sorted, one value a line."""
        entries = [_amendment_lines(amendment) for amendment in self.amendments]
        amendments = ",\n".join(entries)
        return "\n".join(
            [
                "{",
                *(
                    f"  {_json(name)}: {_json(value)},"
                    for name, value in (
                        ("schema", self.schema_),
                        ("experiment", self.experiment),
                        ("frozen_on", self.frozen_on),
                        ("abtest_version", self.abtest_version),
                    )
                ),
                f'  "plan": {_lines(self.plan, 2)},',
                f'  "fixed": {_lines(self.fixed, 2)},',
                f'  "sha256": {_json(self.sha256)},',
                f'  "amendments": [\n{amendments}\n  ],' if entries else '  "amendments": [],',
                f'  "head": {_json(self.head)}',
                "}\n",
            ]
        )


def new_lock(plan: Values, fixed: Values, *, experiment: str, frozen_on: str, version: str) -> Lock:
    """A plan, frozen.

    Args:
        plan: The values of the spec that may not move.
        fixed: What was computed from history.
        experiment: The experiment's key.
        frozen_on: The date or time of freezing.
        version: The version of abtest.
    """
    lock = Lock.model_construct(
        schema_="abtest-lock/v1",
        experiment=experiment,
        frozen_on=frozen_on,
        abtest_version=version,
        plan=plan,
        fixed=fixed,
        sha256="",
        head="",
    )
    sha256 = lock.fingerprint()
    return lock.model_copy(update={"sha256": sha256, "head": sha256})


def amended(lock: Lock, changes: Mapping[str, Change], *, on: str, why: str) -> Lock:
    """The lock with one more amendment."""
    values = {
        path: AmendedValue(before=change.before, after=change.after)
        for path, change in changes.items()
    }
    amendment = Amendment(on=on, why=why, changes=values, follows=lock.head, sha256="0" * 64)
    amendment = amendment.model_copy(update={"sha256": amendment.fingerprint()})
    entries = (*lock.amendments, amendment)
    return lock.model_copy(update={"amendments": entries, "head": amendment.sha256})


def lock_path(spec: Path) -> Path:
    """Where the lock of a spec's file is."""
    return spec.with_suffix(ENDING)


def read_lock(path: Path) -> Lock | None:
    """Read a lock and hold it against its fingerprints; None where there is none.

    Raises:
        DataError: It cannot be read, is no lock, or was edited.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path.is_symlink():
            raise DataError(f"{path} is a link to a file that is not there", _RESTORE) from None
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", _RESTORE) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text", _RESTORE) from error
    lock = _parsed(text, path)
    _verify(lock, path)
    return lock


def _parsed(text: str, path: Path) -> Lock:
    try:
        data = json.loads(text, object_pairs_hook=_once)
        _check_version(data, path)
        return Lock.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part).removesuffix("_") for part in first["loc"])
        message = f"{path} is not a whole lock: `{where}`: {first['msg'].lower()}"
        raise DataError(message, _RESTORE) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no lock: {error}", _RESTORE) from error


def _check_version(data: object, path: Path) -> None:
    if not isinstance(data, dict) or "schema" not in data:
        raise DataError(f"{path} is no lock: it has no `schema`", _RESTORE)
    if data["schema"] != SCHEMA:
        raise DataError(
            f"{path}: `schema` is {data['schema']!r}; this version of abtest reads {SCHEMA!r}",
            "read it with the version that wrote it (`abtest_version`).",
        )


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two that are the same, JSON keeps the last silently."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} is there twice")
        found[key] = value
    return found


def _verify(lock: Lock, path: Path) -> None:
    """Refuse a lock whose content does not match its fingerprints, and say which part."""
    if lock.sha256 != lock.fingerprint():
        raise DataError(
            f"{path} was edited by hand: the frozen plan does not match its fingerprint", _RESTORE
        )
    before = lock.sha256
    for number, amendment in enumerate(lock.amendments, start=1):
        name = f"amendment {number} ({amendment.on})"
        if amendment.sha256 != amendment.fingerprint():
            message = f"{path} was edited by hand: {name} does not match its fingerprint"
            raise DataError(message, _RESTORE)
        if amendment.follows != before:
            message = (
                f"{path} was edited by hand: {name} does not follow the entry before it; "
                "amendments were removed or reordered"
            )
            raise DataError(message, _RESTORE)
        before = amendment.sha256
    if lock.head != before:
        message = f"{path} was edited by hand: its last amendments were removed"
        raise DataError(message, _RESTORE)


def _sha256(body: object) -> str:
    return hashlib.sha256(_json(body).encode()).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _lines(values: Mapping[str, object], indent: int) -> str:
    """A block with one value a line, sorted by path."""
    return _block({path: _json(value) for path, value in values.items()}, indent)


def _before_after(value: AmendedValue) -> str:
    return f'{{"before": {_json(value.before)}, "after": {_json(value.after)}}}'


def _block(values: Mapping[str, str], indent: int) -> str:
    if not values:
        return "{}"
    blank = " " * indent
    lines = [f"{blank}  {_json(path)}: {values[path]}" for path in sorted(values)]
    return "{\n" + ",\n".join(lines) + f"\n{blank}}}"


def _amendment_lines(amendment: Amendment) -> str:
    changes = {path: _before_after(value) for path, value in amendment.changes.items()}
    return "\n".join(
        [
            "    {",
            f'      "on": {_json(amendment.on)},',
            f'      "why": {_json(amendment.why)},',
            f'      "changes": {_block(changes, 6)},',
            f'      "follows": {_json(amendment.follows)},',
            f'      "sha256": {_json(amendment.sha256)}',
            "    }",
        ]
    )
