import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { AssignmentError, Experiment, Flag } from "../abtest.js";
import { sha256 } from "../sha256.js";

const vectors = JSON.parse(
  readFileSync(new URL("../../../tests/golden/assignment_v1.json", import.meta.url), "utf8"),
);
const HALVES = vectors.experiments.split_halves;

test("every vector is met", () => {
  const experiments = {};
  for (const [name, compiled] of Object.entries(vectors.experiments)) {
    experiments[name] = new Experiment(compiled);
  }
  for (const item of vectors.cases) {
    const { variant, reason, bucket, phase } = item;
    const unit = item.unit_type === "integer" ? BigInt(item.unit) : item.unit;
    const experiment = experiments[item.experiment];
    const options = item.at === null ? {} : { at: item.at };
    assert.deepEqual(experiment.assign(unit, options), { variant, reason, bucket, phase }, item.id);
    assert.equal(experiment.variant(unit, options), variant, item.id);
  }
  assert.ok(vectors.cases.length >= 300);
});

test("the hash is that of node, at every length around a block", () => {
  for (let length = 0; length < 300; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + length) % 256);
    assert.equal(sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("salts", () => {
  for (const seed of vectors.salts) assert.ok(new Experiment({ ...HALVES, seed }));
  for (const seed of vectors.refused_salts) {
    assert.throws(() => new Experiment({ ...HALVES, seed }), /seed is .*; it must be 1 to 64/s);
  }
});

test("units that are refused", () => {
  const experiment = new Experiment(JSON.stringify(HALVES));
  for (const unit of [...vectors.refused_units, 1.5, 2 ** 53, NaN, null, undefined, true, {}]) {
    assert.throws(() => experiment.assign(unit), AssignmentError);
    assert.throws(() => experiment.variant(unit), /unit is/);
  }
  assert.equal(experiment.variant(7), experiment.variant("7"));
});

test("experiments that are refused", () => {
  const cases = [
    [{ ...HALVES, format: "abtest-assignment/v2" }, /format is "abtest-assignment\/v2"/],
    [{ ...HALVES, formula: "md5" }, /formula is "md5"/],
    [{ ...HALVES, more: 1 }, /unknown key "more"/],
    [{ ...HALVES, coverage_parts: 10001 }, /coverage_parts is 10001/],
    [{ ...HALVES, variants: [{ key: "a", weight: 0 }] }, /weights is \[0\]/],
    [{ ...HALVES, overrides: { a: "z" } }, /overrides of "a" is "z"/],
    [{ ...HALVES, holdout: { salt: HALVES.seed, share_parts: 1 } }, /salts is/],
    [{ ...HALVES, schedule: { start: "2026-01-05" } }, /schedule.start is "2026-01-05"/],
    [{ ...HALVES, phases: [{ from: "2026-01-05T00:00:00Z", ranges: [[[0, 5]], []] }] }, /once/],
    ["{", /not valid JSON/],
    [null, /format is/],
  ];
  for (const [compiled, message] of cases) {
    assert.throws(() => new Experiment(compiled), { name: "AssignmentError", message });
  }
});

test("a forgotten instant fails where phases change the split", () => {
  const phases = [{ from: "2026-01-05T00:00:00Z", coverage_parts: 5000 }];
  const experiment = new Experiment({ ...HALVES, phases });
  assert.throws(() => experiment.assign("a"), /at is missing/);
  assert.equal(experiment.assign("a", { at: new Date("2026-01-06") }).phase, 0);
  assert.equal(experiment.assign("a", { at: "2026-01-04T23:59:59.999999Z" }).phase, null);
});

test("a flag has payloads", () => {
  const flag = new Flag(
    JSON.stringify({
      format: "abtest-flags/v1",
      fingerprint: "f",
      unit: "customer_id",
      cluster: null,
      payloads: { control: {}, b: { discount_pct: 10 } },
      assignment: HALVES,
    }),
  );
  flag.payload("b").discount_pct = 99;
  assert.deepEqual(flag.payload("b"), { discount_pct: 10 });
  assert.deepEqual(flag.payload(null), {});
  assert.equal(flag.experiment.key, "checkout-button");
  assert.throws(() => new Flag(HALVES), /format is "abtest-assignment\/v1"/);
});
