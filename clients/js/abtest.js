// The formula sha256-52 of abtest: the same answer as Python and SQL give, in node and browsers.
//
//     n1 = the first 13 hexadecimal digits of sha256(salt + ":" + unit)   chooses the variant
//     n2 = the next 13 digits                                            decides coverage
//
// Digits of one length compare as text as the numbers they write, so nothing is rounded.
import { sha256 } from "./sha256.js";

const PARTS = 10000n;
const SPACE = 2n ** 52n;
const encoder = new TextEncoder();

/** What cannot be used to assign. */
export class AssignmentError extends Error {
  constructor(message) {
    super(message);
    this.name = "AssignmentError";
  }
}

const digits13 = (number) => number.toString(16).padStart(13, "0");
const digitsOf = (salt, text) => sha256(encoder.encode(`${salt}:${text}`));
const bucketOf = (digits) => Number((BigInt(`0x${digits.slice(0, 13)}`) * PARTS) / SPACE);
// 2**52 has 14 digits and would compare wrongly as text, so a full share is no condition at all.
const shareLimit = (parts) => (parts === 10000 ? null : digits13((BigInt(parts) * SPACE) / PARTS));
const below = (digits, limit) => limit === null || digits.slice(13, 26) < limit;

function refuse(name, value, rule) {
  const text = typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? String(value));
  throw new AssignmentError(`${name} is ${text.slice(0, 60)}; it must be ${rule}.`);
}

function unitText(unit) {
  if (typeof unit === "bigint" || Number.isSafeInteger(unit)) return BigInt(unit).toString();
  if (typeof unit !== "string") refuse("unit", unit, "text or a whole number");
  if (!unit) refuse("unit", unit, "text of at least one character");
  if (/\p{Surrogate}/u.test(unit)) refuse("unit", unit, "valid Unicode");
  return unit;
}

function integer(value, name, low, high = Number.MAX_SAFE_INTEGER) {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  return refuse(name, value, `a whole number from ${low} to ${high}`);
}

function salt(value, name) {
  if (typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return value;
  return refuse(name, value, "1 to 64 of A-Z a-z 0-9 . _ - that start with a letter or digit");
}

function list(value, name) {
  return Array.isArray(value) ? value : refuse(name, value, "a list");
}

function fields(value, name, required, optional = []) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    refuse(name, value, "an object");
  }
  const known = [...required, ...optional];
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new AssignmentError(`${name} has the unknown key "${key}".`);
  }
  for (const key of required) {
    if (!Object.hasOwn(value, key)) throw new AssignmentError(`${name} has no "${key}".`);
  }
  return value;
}

function weightsOf(values, name) {
  const weights = list(values, name).map((value) => integer(value, name, 0));
  return weights.some((weight) => weight > 0) ? weights : refuse(name, values, "above 0 in sum");
}

// Microseconds since 1970: a Date keeps milliseconds only, and instants are compared exactly.
function micros(at, name) {
  if (at instanceof Date && !Number.isNaN(at.getTime())) return BigInt(at.getTime()) * 1000n;
  const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/;
  const [, whole, fraction = "", zone] = (typeof at === "string" && form.exec(at)) || [];
  const time = Date.parse(whole + zone);
  if (whole === undefined || Number.isNaN(time)) {
    refuse(name, at, 'a Date or text such as "2026-01-05T00:00:00+00:00"');
  }
  return BigInt(time) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

// Pairs of 13 digits, rising, and the variant of what is below them; the last one has no end.
function steps(ends) {
  const found = [];
  let reached = 0n;
  for (const [end, name] of ends) {
    if (end > reached) found.push([end < SPACE ? digits13(end) : null, name]);
    if (end > reached) reached = end;
  }
  return found;
}

function plainSteps(weights, names) {
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  let sum = 0n;
  return steps(
    weights.map((weight, index) => {
      sum += BigInt(weight);
      return [(sum * SPACE) / total, names[index]];
    }),
  );
}

function rangeSteps(ranges, names, where) {
  const all = list(ranges, where).flatMap((own, index) =>
    list(own, where).map((pair) => [
      ...list(pair, where).map((end) => BigInt(integer(end, where, 0, 2 ** 52))),
      names[index],
    ]),
  );
  all.sort((one, other) => (one[0] < other[0] ? -1 : 1));
  let reached = 0n;
  for (const range of all) {
    if (range.length !== 3 || range[0] !== reached || range[1] <= reached) {
      throw new AssignmentError(`${where} must hold each number from 0 to 2**52 once.`);
    }
    reached = range[1];
  }
  if (ranges.length !== names.length || reached !== SPACE) {
    throw new AssignmentError(`${where} must hold each number from 0 to 2**52 once.`);
  }
  return steps(all.map(([, end, name]) => [end, name]));
}

function layerOf(data) {
  if (data === undefined) return null;
  fields(data, "layer", ["salt", "slots"]);
  const slots = list(data.slots, "layer.slots").map((pair) => {
    const [first, end] = list(pair, "layer.slots");
    integer(end, "layer.slots", integer(first, "layer.slots", 0, 9999) + 1, 10000);
    return [first, end];
  });
  const own = salt(data.salt, "layer.salt");
  return (text) => {
    const slot = bucketOf(digitsOf(own, text));
    return slots.some(([first, end]) => first <= slot && slot < end);
  };
}

function holdoutOf(data) {
  if (data === undefined) return null;
  fields(data, "holdout", ["salt", "share_parts"]);
  const limit = shareLimit(integer(data.share_parts, "holdout.share_parts", 0, 10000));
  const own = salt(data.salt, "holdout.salt");
  return (text) => below(digitsOf(own, text), limit);
}

function splitsOf(data, names) {
  const weights = weightsOf(data.variants.map((variant) => variant.weight), "weights");
  const parts = integer(data.coverage_parts, "coverage_parts", 0, 10000);
  let split = { start: null, limit: shareLimit(parts), steps: plainSteps(weights, names) };
  const splits = [split];
  for (const phase of list(data.phases ?? [], "phases")) {
    fields(phase, "phases", ["from"], ["coverage_parts", "weights", "ranges"]);
    const before = split;
    split = { ...before, start: micros(phase.from, "phases.from") };
    if (before.start !== null && split.start <= before.start) {
      throw new AssignmentError(`phases start at ${phase.from} after a later one.`);
    }
    if (phase.weights !== undefined) {
      const own = weightsOf(phase.weights, "phases.weights");
      if (own.length !== names.length) refuse("phases.weights", own, "one for each variant");
      split.steps = plainSteps(own, names);
    }
    if (phase.ranges !== undefined) {
      split.steps = rangeSteps(phase.ranges, names, "phases.ranges");
    }
    if (phase.coverage_parts !== undefined) {
      split.limit = shareLimit(integer(phase.coverage_parts, "phases.coverage_parts", 0, 10000));
    }
    splits.push(split);
  }
  return splits;
}

function scheduleOf(data) {
  const named = fields(data ?? {}, "schedule", [], ["start", "enrol_until"]);
  const [start, end] = ["start", "enrol_until"].map((name) =>
    named[name] === undefined ? null : micros(named[name], `schedule.${name}`),
  );
  return (at) => (start === null || at >= start) && (end === null || at < end);
}

function overridesOf(data, names) {
  const found = new Map(Object.entries(fields(data ?? {}, "overrides", [], Object.keys(data ?? {}))));
  for (const [unit, variant] of found) {
    unitText(unit);
    if (!names.includes(variant)) refuse(`overrides of "${unit}"`, variant, names.join(", "));
  }
  return found;
}

const same = (one, other) =>
  one.limit === other.limit && JSON.stringify(one.steps) === JSON.stringify(other.steps);

const REQUIRED = ["format", "formula", "key", "seed", "variants", "coverage_parts"];
const OPTIONAL = ["layer", "holdout", "overrides", "phases", "schedule"];

/** An experiment made ready to assign, from what `abtest compile` wrote. */
export class Experiment {
  #holdout;
  #layer;
  #needsAt;
  #overrides;
  #schedule;
  #seed;
  #splits;

  /** @param {string | object} compiled The JSON text, or the object that it holds. */
  constructor(compiled) {
    const data = typeof compiled === "string" ? parse(compiled) : compiled;
    if (data?.format !== "abtest-assignment/v1") {
      refuse("format", data?.format, '"abtest-assignment/v1"');
    }
    if (data.formula !== "sha256-52") refuse("formula", data.formula, '"sha256-52"');
    fields(data, "compiled experiment", REQUIRED, OPTIONAL);
    const variants = list(data.variants, "variants");
    const names = variants.map((variant) => fields(variant, "variants", ["key", "weight"]).key);
    if (new Set(names).size !== names.length || !names.every((name) => name && `${name}` === name)) {
      refuse("variants", names, "different texts");
    }
    this.key = data.key;
    this.#seed = salt(data.seed, "seed");
    this.#splits = splitsOf(data, names);
    this.#needsAt = this.#splits.some((split) => !same(split, this.#splits[0]));
    this.#overrides = overridesOf(data.overrides, names);
    this.#layer = layerOf(data.layer);
    this.#holdout = holdoutOf(data.holdout);
    this.#schedule = scheduleOf(data.schedule);
    const salts = [data.seed, data.layer?.salt, data.holdout?.salt].filter(Boolean);
    if (new Set(salts).size !== salts.length) refuse("salts", salts, "different");
    Object.freeze(this);
  }

  /**
   * What a unit gets, and why. No clock is read: without `at` the schedule is not checked, and an
   * experiment whose phases change the split refuses.
   */
  assign(unit, { at } = {}) {
    const text = unitText(unit);
    const digits = digitsOf(this.#seed, text);
    const instant = at === undefined || at === null ? null : micros(at, "at");
    if (instant === null && this.#needsAt) {
      throw new AssignmentError(`at is missing; the phases of "${this.key}" change the split.`);
    }
    const begun = this.#splits.filter(({ start }) => start === null || start <= (instant ?? start - 1n));
    const phase = begun.length > 1 ? begun.length - 2 : null;
    const given = { variant: null, reason: "split", bucket: bucketOf(digits), phase };
    const gate = this.#gate(text, instant);
    if (gate !== null) {
      const variant = gate === "override" ? this.#overrides.get(text) : null;
      return { ...given, variant, reason: gate };
    }
    const { limit, steps: ends } = begun.at(-1);
    if (!below(digits, limit)) return { ...given, reason: "not_enrolled" };
    return { ...given, variant: ends.find(([end]) => end === null || digits < end)[1] };
  }

  /** The variant of a unit, or null if it is not in the experiment. */
  variant(unit, options) {
    return this.assign(unit, options).variant;
  }

  #gate(text, at) {
    if (this.#holdout?.(text)) return "holdout";
    if (this.#overrides.has(text)) return "override";
    if (this.#layer && !this.#layer(text)) return "layer";
    return at !== null && !this.#schedule(at) ? "outside_schedule" : null;
  }
}

/** An experiment with what each variant means, from what `abtest compile --flags` wrote. */
export class Flag {
  /** @param {string | object} compiled The JSON text, or the object that it holds. */
  constructor(compiled) {
    const data = typeof compiled === "string" ? parse(compiled) : compiled;
    if (data?.format !== "abtest-flags/v1") refuse("format", data?.format, '"abtest-flags/v1"');
    const keys = ["format", "fingerprint", "unit", "cluster", "payloads", "assignment"];
    fields(data, "flag", keys);
    this.experiment = new Experiment(data.assignment);
    this.fingerprint = data.fingerprint;
    this.unit = data.unit;
    this.cluster = data.cluster;
    this.payloads = structuredClone(data.payloads);
    Object.freeze(this);
  }

  /** A variant's payload, one's own copy; empty where the unit has no variant. */
  payload(variant) {
    return structuredClone(variant === null ? {} : (this.payloads[variant] ?? {}));
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AssignmentError(`The compiled experiment is not valid JSON: ${error.message}.`);
  }
}
