// Answers every vector with nothing but JavaScript, and prints how many agree.
//   node tests/assignment/check_vectors.mjs tests/golden/assignment_v1.json
// Numbers are plain doubles where 52 bits fit, and BigInt where a product needs more.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const SPACE = 2n ** 52n;

function numbers(salt, unit) {
  const hex = createHash("sha256").update(`${salt}:${unit}`, "utf8").digest("hex");
  return [hex.slice(0, 13), hex.slice(13, 26)].map((digits) => parseInt(digits, 16));
}

const below = (number, parts) => number < Number((BigInt(parts) * SPACE) / 10000n);
const bucket = (number) => Number((BigInt(number) * 10000n) / SPACE);

// Date keeps milliseconds only, and one vector needs the microsecond before midnight.
function micros(text) {
  const [, whole, fraction = "", zone] = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)$/.exec(text);
  return BigInt(Date.parse(whole + zone)) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

function gate(experiment, unit, at) {
  const { holdout, overrides = {}, layer, schedule = {} } = experiment;
  if (holdout && below(numbers(holdout.salt, unit)[1], holdout.share_parts)) return "holdout";
  if (Object.hasOwn(overrides, unit)) return "override";
  if (layer) {
    const slot = bucket(numbers(layer.salt, unit)[0]);
    if (!layer.slots.some(([first, end]) => first <= slot && slot < end)) return "layer";
  }
  if (at === null) return null;
  if (schedule.start && at < micros(schedule.start)) return "outside_schedule";
  if (schedule.enrol_until && at >= micros(schedule.enrol_until)) return "outside_schedule";
  return null;
}

function pick(experiment, weights, ranges, n1) {
  if (ranges) {
    const owns = (own) => own.some(([start, end]) => start <= n1 && n1 < end);
    return experiment.variants[ranges.findIndex(owns)].key;
  }
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  let reached = 0n;
  for (const [index, weight] of weights.entries()) {
    reached += BigInt(weight);
    if (n1 < Number((reached * SPACE) / total)) return experiment.variants[index].key;
  }
  throw new Error("unreachable: the last threshold is 2**52");
}

function answer(experiment, unit, at) {
  const [n1, n2] = numbers(experiment.seed, unit);
  let weights = experiment.variants.map((variant) => variant.weight);
  let coverage = experiment.coverage_parts;
  let ranges = null;
  let phase = null;
  for (const [index, change] of (experiment.phases ?? []).entries()) {
    if (at === null || micros(change.from) > at) continue;
    if (change.weights) [weights, ranges] = [change.weights, null];
    ranges = change.ranges ?? ranges;
    coverage = change.coverage_parts ?? coverage;
    phase = index;
  }
  const result = { variant: null, reason: gate(experiment, unit, at), bucket: bucket(n1), phase };
  if (result.reason === "override") result.variant = experiment.overrides[unit];
  if (result.reason === null) {
    result.reason = below(n2, coverage) ? "split" : "not_enrolled";
    if (result.reason === "split") result.variant = pick(experiment, weights, ranges, n1);
  }
  return result;
}

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
let agreed = 0;
for (const item of vectors.cases) {
  const at = item.at === null ? null : micros(item.at);
  const found = answer(vectors.experiments[item.experiment], item.unit, at);
  const same = Object.keys(found).every((name) => found[name] === item[name]);
  if (same) agreed += 1;
  else console.error(item.id, JSON.stringify(found));
}
console.log(agreed);
process.exitCode = agreed === vectors.cases.length ? 0 : 1;
