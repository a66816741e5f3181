"""Write assignment_v1.json: what every implementation of sha256-52 must answer.

    python tests/golden/make_assignment_vectors.py

It imports nothing from abtest: the rules are written again here from their description, with
integers where the package compares digits, so that the two are witnesses for each other.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = Path(__file__).with_name("assignment_v1.json")
SPACE = 2**52

Mapping = dict[str, Any]
Times = list[str | None] | list[str] | str | None

IDS = [
    "1", "01", "007", "7", "0", "-1", "C000123", "c000123", "C000124", "customer:42", "::", ":",
    "a:b:c", "user@example.com", "User@Example.com", " lead", "trail ", " ", "two words",
    "tab\there", "line\nbreak", "carriage\r\nreturn", "\n", "quote'single", 'quote"double',
    "back\\slash", "per%cent_under", "semi;colon--", "null", "NULL", "None", "NaN", "true", "1.0",
    "1e5", "0x10", "550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000",
    "caf\u00e9", "cafe\u0301", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "\u1e9b\u0323",
    "\u017f\u0323\u0307", "stra\u00dfe", "STRASSE", "\u0130stanbul", "i\u0307stanbul", "istanbul",
    "\u0131stanbul", "ISTANBUL", "\u0399\u03a3", "\ufb01n", "fin", "\u03a9", "\u2126",
    "\uff11\uff12\uff13", "\u0661\u0662\u0663", "\u06f1\u06f2\u06f3",
    "\u0645\u0634\u062a\u0631\u06cc-\u06f1", "\u0645\u0634\u062a\u0631\u064a-1",
    "\u0633\u0627\u0631\u0627 \u0631\u0636\u0627\u06cc\u06cc",
    "\u0645\u06cc\u200c\u062e\u0631\u0645", "\u0639\u0645\u064a\u0644 \u0661",
    "\u0639\u064e\u0645\u0650\u064a\u0644", "\u05dc\u05e7\u05d5\u05d7", "\u200fabc", "abc\u200e",
    "\u202eabc\u202c", "\u2066abc\u2069", "zero\u200bwidth", "\ufeffbom", "no\u00a0break",
    "soft\u00adhyphen", "\u2028line", "\u2029paragraph", "\u5ba2\u6237001", "\u9867\u5ba2\u4e00",
    "\uace0\uac1d", "\u1100\u1161", "\uac00", "\u0e25\u0e39\u0e01\u0e04\u0e49\u0e32",
    "\u0917\u094d\u0930\u093e\u0939\u0915", "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea",
    "\u2764\ufe0f", "\u2764", "x\U0001f9feid", "\U00020000\U0002a6d6", "\U0010ffff", "\uffff",
    "\ue000", "\u007f", "\u0080", "x" * 39, "x" * 40, "x" * 46, "x" * 47, "x" * 48, "x" * 100,
    "0123456789" * 10, "\u0645" * 100, "\U0001f600" * 100,
]  # fmt: skip
INTEGERS = [
    0, 1, -1, 7, 42, 10_000, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**53 + 1,
    2**63 - 1, -(2**63), 2**64, 123456789012345678901234567890, 10**99,
]  # fmt: skip
CUSTOMERS = [f"C{number:06d}" for number in range(1, 41)]


def numbers(salt: str, unit: str) -> tuple[int, int]:
    """The two 52-bit numbers, cut from the digest as one large integer."""
    digest = int.from_bytes(hashlib.sha256(salt.encode() + b":" + unit.encode()).digest(), "big")
    return digest >> 204, digest >> 152 & SPACE - 1


def ends(weights: list[int]) -> list[int]:
    """The exclusive upper end of every variant."""
    return [sum(weights[: k + 1]) * SPACE // sum(weights) for k in range(len(weights))]


def answer(experiment: Mapping, unit: str, at: str | None) -> Mapping:
    """The whole decision: holdout, override, layer, schedule, coverage, split."""
    n1, n2 = numbers(experiment["seed"], unit)
    now = None if at is None else datetime.fromisoformat(at)
    weights = [variant["weight"] for variant in experiment["variants"]]
    ranges = None
    coverage, phase = experiment["coverage_parts"], None
    for index, change in enumerate(experiment.get("phases", [])):
        if now is not None and datetime.fromisoformat(change["from"]) <= now:
            coverage = change.get("coverage_parts", coverage)
            if "weights" in change:  # without ranges of its own it is the formula again
                weights, ranges = change["weights"], None
            ranges = change.get("ranges", ranges)
            phase = index
    variant, reason = None, stop(experiment, unit, now)
    if reason == "override":
        variant = experiment["overrides"][unit]
    elif reason is None and n2 < coverage * SPACE // 10_000:
        if ranges is None:
            chosen = next(k for k, end in enumerate(ends(weights)) if n1 < end)
        else:
            holds = [any(start <= n1 < end for start, end in own) for own in ranges]
            chosen = holds.index(True)
        variant, reason = experiment["variants"][chosen]["key"], "split"
    return {
        "n1": f"{n1:013x}",
        "n2": f"{n2:013x}",
        "variant": variant,
        "reason": reason or "not_enrolled",
        "bucket": n1 * 10_000 // SPACE,
        "phase": phase,
    }


def stop(experiment: Mapping, unit: str, now: datetime | None) -> str | None:
    """What decides before coverage and split, if anything does."""
    holdout, layer = experiment.get("holdout"), experiment.get("layer")
    if holdout and numbers(holdout["salt"], unit)[1] < holdout["share_parts"] * SPACE // 10_000:
        return "holdout"
    if unit in experiment.get("overrides", {}):
        return "override"
    if layer:
        slot = numbers(layer["salt"], unit)[0] * 10_000 // SPACE
        if not any(first <= slot < end for first, end in layer["slots"]):
            return "layer"
    schedule = experiment.get("schedule", {})
    start, end = schedule.get("start"), schedule.get("enrol_until")
    if now is not None and start is not None and now < datetime.fromisoformat(start):
        return "outside_schedule"
    if now is not None and end is not None and now >= datetime.fromisoformat(end):
        return "outside_schedule"
    return None


def compiled(
    seed: str, weights: list[int], names: list[str] | None = None, **more: object
) -> Mapping:
    """An experiment in the compiled form, with variants control, b, c, ... unless named."""
    names = names or ["control", *"bcdefghij"][: len(weights)]
    variants = [{"key": name, "weight": w} for name, w in zip(names, weights, strict=True)]
    return {
        "format": "abtest-assignment/v1",
        "formula": "sha256-52",
        "key": seed,
        "seed": seed,
        "variants": variants,
        "coverage_parts": 10_000,
        **more,
    }


class Book:
    """The experiments and cases collected so far."""

    def __init__(self) -> None:
        self.experiments: dict[str, Mapping] = {}
        self.cases: list[Mapping] = []

    def add(
        self, name: str, experiment: Mapping, units: Sequence[str | int], at: Times = None
    ) -> None:
        """One case per unit, and per instant where at is a list."""
        self.experiments[name] = experiment
        for instant in at if isinstance(at, list) else [at]:
            for unit in units:
                text = str(unit)
                case = {
                    "id": f"{name}-{sum(case['experiment'] == name for case in self.cases):03d}",
                    "experiment": name,
                    "unit": text,
                    "unit_type": "integer" if isinstance(unit, int) else "text",
                    "unit_utf8": text.encode().hex(),
                    "at": instant,
                }
                self.cases.append({**case, **answer(experiment, text, instant)})


def splits(book: Book) -> None:
    book.add("split_halves", compiled("checkout-button", [1, 1]), [*IDS, *INTEGERS])
    book.add("split_thirds", compiled("exp-1", [1, 1, 1]), [*CUSTOMERS[:12], *INTEGERS[:4]])
    book.add("split_lookalike", compiled("exp-2", [1, 1, 1]), CUSTOMERS[:12])
    book.add("split_uneven", compiled("winback-2026-01", [50, 25, 25]), CUSTOMERS[:12])
    book.add("split_ten", compiled("Ten.Equal_variants-01", [1] * 10), CUSTOMERS[:20])
    book.add("split_rare", compiled("rare", [9_999, 1]), CUSTOMERS[:6])
    book.add("split_zero_weights", compiled("zeros", [0, 1, 0, 2, 0]), CUSTOMERS[:12])
    book.add("split_one", compiled("s", [1]), ["a", "\u0645"])
    book.add("split_longest_salt", compiled("s" * 64, [1, 1]), ["\u0645", *CUSTOMERS[:2]])
    names = [
        "\u06a9\u0646\u062a\u0631\u0644",
        "\u062a\u062e\u0641\u06cc\u0641 \u06f1\u06f0\u066a",
        "\u0639\u0631\u0636",
        "caf\u00e9",
    ]
    persian = compiled("persian-names", [1, 1, 1, 1], names)
    book.add(
        "split_persian_names", persian, [*CUSTOMERS[:8], "\u0645\u0634\u062a\u0631\u06cc-\u06f1"]
    )
    # The colon belongs to the unit from the second one on, so these three are different keys.
    book.add("split_colon_a", compiled("a", [1, 1]), ["b:c", "bc"])
    book.add("split_colon_ab", compiled("ab", [1, 1]), ["c", ":c"])
    for unit in ("C000001", "\u0645\u0634\u062a\u0631\u06cc", "\U0001f600"):
        n1, _ = numbers("edge", unit)
        for shift in (-1, 0, 1):
            weights = [n1 + shift, SPACE - n1 - shift]
            number = sum(name.startswith("split_edge") for name in book.experiments)
            book.add(f"split_edge_{number}", compiled("edge", weights), [unit])


def coverages(book: Book) -> None:
    for parts in (0, 1, 100, 2_500, 5_000, 9_999):
        experiment = compiled("coverage", [1, 1], coverage_parts=parts)
        book.add(f"coverage_{parts}", experiment, CUSTOMERS[:8])
    for unit in CUSTOMERS[:4]:
        reached = numbers("coverage", unit)[1] * 10_000 // SPACE
        for parts in (reached, reached + 1):
            experiment = compiled("coverage", [1, 1], coverage_parts=parts)
            book.add(f"coverage_edge_{unit}_{parts}", experiment, [unit])


def gates(book: Book) -> None:
    overrides = {
        "C000002": "b",
        "7": "control",
        "\u0645\u0634\u062a\u0631\u06cc": "b",
        "\U0001f600": "b",
    }
    forced: list[str | int] = [
        "C000001",
        "C000002",
        "C000003",
        "7",
        7,
        "07",
        "\u0645\u0634\u062a\u0631\u06cc",
        "\U0001f600",
    ]
    experiment = compiled("overrides", [1, 1], overrides=overrides)
    book.add("override", experiment, forced)
    book.add("override_no_coverage", {**experiment, "coverage_parts": 0}, forced)
    book.add("override_zero_weight", compiled("forced", [1, 0], overrides={"x": "b"}), ["x", "y"])
    for parts in (0, 1_000, 5_000, 10_000):
        holdout = {"salt": "holdout-2026", "share_parts": parts}
        experiment = compiled("held", [1, 1], holdout=holdout, overrides={"C000002": "b"})
        book.add(f"holdout_{parts}", experiment, CUSTOMERS[:10])
    for name, slots in {
        "first_half": [[0, 5_000]],
        "second_half": [[5_000, 10_000]],
        "three_ranges": [[7_000, 9_000], [0, 1_000], [2_000, 2_500]],
        "whole": [[0, 10_000]],
    }.items():
        layer = {"salt": "lifecycle-offers", "slots": slots}
        experiment = compiled("in-layer", [1, 1], layer=layer, overrides={"C000003": "b"})
        book.add(f"layer_{name}", experiment, CUSTOMERS[:10])
    for unit in CUSTOMERS[:3]:
        slot = numbers("lifecycle-offers", unit)[0] * 10_000 // SPACE
        for first, end in ((slot, slot + 1), (slot + 1, 10_000), (0, slot)):
            layer = {"salt": "lifecycle-offers", "slots": [[first, end]]}
            name = f"layer_edge_{unit}_{first}_{end}"
            book.add(name, compiled("in-layer", [1, 1], layer=layer), [unit])


def dated(book: Book) -> None:
    ramp = [
        {"from": "2026-01-05T00:00:00+01:00", "coverage_parts": 1_000},
        {"from": "2026-01-08T00:00:00+01:00", "coverage_parts": 5_000},
        {"from": "2026-01-12T00:00:00+01:00", "coverage_parts": 10_000},
    ]
    instants = [
        "2026-01-04T22:59:59.999999+00:00",
        "2026-01-04T23:00:00+00:00",
        "2026-01-08T08:29:59+09:30",
        "2026-01-08T08:30:00+09:30",
        "2027-06-01T00:00:00+00:00",
    ]
    experiment = compiled("ramp", [1, 1], coverage_parts=0, phases=ramp)
    book.add("phases_coverage", experiment, CUSTOMERS[:8], instants)
    join = [
        {"from": "2026-02-01T00:00:00+00:00", "weights": [1, 1, 1]},
        {"from": "2026-03-01T00:00:00+00:00", "weights": [1, 3, 0], "coverage_parts": 8_000},
    ]
    experiment = compiled("join", [1, 1, 0], phases=join)
    months = ["2026-01-15T00:00:00+00:00", "2026-02-15T00:00:00+00:00", "2026-03-15T00:00:00+00:00"]
    book.add("phases_weights", experiment, CUSTOMERS[:8], months)
    same = [{"from": "2026-02-01T00:00:00+00:00", "coverage_parts": 10_000}]
    book.add(
        "phases_equal", compiled("same", [1, 1], phases=same), CUSTOMERS[:2], [None, months[1]]
    )
    window = {"start": "2026-01-05T00:00:00+01:00", "enrol_until": "2026-01-19T00:00:00+01:00"}
    around = [
        None,
        "2026-01-04T22:59:59.999999+00:00",
        "2026-01-05T00:00:00+01:00",
        "2026-01-18T22:59:59.999999+00:00",
        "2026-01-18T23:00:00+00:00",
    ]
    experiment = compiled("window", [1, 1], schedule=window, overrides={"C000002": "b"})
    book.add("schedule_both", experiment, CUSTOMERS[:4], around)
    for name, end in window.items():
        experiment = compiled("window", [1, 1], schedule={name: end})
        book.add(f"schedule_{name}_only", experiment, CUSTOMERS[:2], around)
    everything = compiled(
        "everything",
        [2, 1, 1],
        layer={"salt": "lifecycle-offers", "slots": [[0, 8_000]]},
        holdout={"salt": "holdout-2026", "share_parts": 2_000},
        overrides=dict.fromkeys(CUSTOMERS[:6], "c"),
        phases=[{**ramp[1], "weights": [1, 1, 2]}],
        schedule=window,
        coverage_parts=3_000,
    )
    days = ["2026-01-01T00:00:00+00:00", "2026-01-06T00:00:00+00:00", "2026-01-10T00:00:00+00:00"]
    book.add("everything", everything, CUSTOMERS[:20], days)


def ranged(book: Book) -> None:
    """Phases with explicit ranges: numbers from 0 to 2**52, half-open, one list per variant."""
    quarter, third = SPACE // 4, SPACE // 3
    starts = [f"2026-0{month}-01T00:00:00+00:00" for month in (2, 3, 4, 5)]
    fewest = [
        [[0, quarter]],
        [[third, third + quarter]],
        [[2 * third, 2 * third + quarter]],
        [[quarter, third], [third + quarter, 2 * third], [2 * third + quarter, SPACE]],
    ]
    join = [
        {"from": starts[0], "weights": [1, 1, 1, 1], "ranges": fewest},
        {"from": starts[1], "coverage_parts": 10_000},
        {"from": starts[2], "ranges": [[[k * quarter, (k + 1) * quarter]] for k in (3, 1, 0, 2)]},
        {"from": starts[3], "weights": [1, 1, 1, 1]},
    ]
    middles = [f"2026-0{month}-15T00:00:00+00:00" for month in (1, 2, 3, 4, 5)]
    experiment = compiled("ranges", [1, 1, 1, 0], coverage_parts=5_000, phases=join)
    units: list[str | int] = [*CUSTOMERS[:20], *IDS[60:66], 42]
    book.add("ranges_join", experiment, units, middles)
    gates_too = {
        **experiment,
        "layer": {"salt": "lifecycle-offers", "slots": [[0, 6_000]]},
        "holdout": {"salt": "holdout-2026", "share_parts": 1_000},
        "overrides": {"C000002": "d"},
        "schedule": {"enrol_until": "2026-05-01T00:00:00+00:00"},
    }
    book.add("ranges_gates", gates_too, CUSTOMERS[:20], [middles[1], middles[4]])
    for unit in ("C000001", "\u0645\u0634\u062a\u0631\u06cc", "\U0001f600"):
        n1, _ = numbers("ranges-edge", unit)
        for start, end in ((n1, n1 + 1), (n1 + 1, n1 + 2), (n1 - 1, n1)):
            # One number for b; control has what lies before and after it, in two touching parts.
            control = [[end, SPACE], [0, 1], [1, start]]
            phase = {
                "from": starts[0],
                "weights": [SPACE - 1, 1],
                "ranges": [control, [[start, end]]],
            }
            number = sum(name.startswith("ranges_edge") for name in book.experiments)
            experiment = compiled("ranges-edge", [1, 1], phases=[phase])
            book.add(f"ranges_edge_{number}", experiment, [unit], middles[1])
    whole = {"from": starts[0], "weights": [0, 1], "ranges": [[], [[0, SPACE]]]}
    book.add(
        "ranges_whole", compiled("ranges-whole", [1, 1], phases=[whole]), CUSTOMERS[:4], middles[1]
    )


def document() -> str:
    """The file's text: ASCII, so that no editor or checkout can normalise the ids."""
    book = Book()
    for part in (splits, coverages, gates, dated, ranged):
        part(book)
    weights = [
        [1],
        [1, 1],
        [1, 1, 1],
        [50, 25, 25],
        [1] * 7,
        [0, 1, 0, 2, 0],
        [9_999, 1],
        [1, 2**50],
    ]
    salts = ["a", "9", "exp-1", "A.b_c-9", "s" * 64]
    bad_salts = ["", "-a", ".a", "_a", "a:b", "a b", "caf\u00e9", "a\n", "\u0661", "s" * 65]
    data = {
        "format": "abtest-assignment-vectors/v1",
        "formula": "sha256-52",
        "written_by": "tests/golden/make_assignment_vectors.py (hashlib and integers only)",
        "thresholds": [{"weights": w, "ends": [f"{end:x}" for end in ends(w)]} for w in weights],
        "salts": salts,
        "refused_salts": bad_salts,
        "refused_units": ["", "\ud800", "a\udfffb"],
        "experiments": book.experiments,
        "cases": book.cases,
    }
    sections = [f" {json.dumps(name)}: {lines(value)}" for name, value in data.items()]
    return "{\n" + ",\n".join(sections) + "\n}\n"


def lines(value: object) -> str:
    """JSON with one line per item of the outermost list or object."""
    if isinstance(value, dict):
        items = [f"  {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"  {json.dumps(item)}" for item in value) + "\n ]"
    return json.dumps(value)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="ascii")
