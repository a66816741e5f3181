/** What cannot be used to assign. */
export class AssignmentError extends Error {}

export type Reason =
  | "split"
  | "override"
  | "holdout"
  | "layer"
  | "not_enrolled"
  | "outside_schedule";

export interface Assignment {
  /** The variant's key, or null if the unit is not in the experiment. */
  variant: string | null;
  /** What decided; only `split` is analysed. */
  reason: Reason;
  /** The unit's place under the experiment's salt, 0 to 9,999. */
  bucket: number;
  /** The index of the phase in force, or null. */
  phase: number | null;
}

export interface Options {
  /** When the unit is assigned: a Date, or "2026-01-05T09:00:00+01:00". */
  at?: Date | string | null;
}

/** Text, or a whole number (1 equals "1"). */
export type Unit = string | number | bigint;

/** An experiment made ready to assign, from what `abtest compile` wrote. */
export class Experiment {
  constructor(compiled: string | object);
  readonly key: string;
  assign(unit: Unit, options?: Options): Assignment;
  variant(unit: Unit, options?: Options): string | null;
}

/** An experiment with what each variant means, from what `abtest compile --flags` wrote. */
export class Flag {
  constructor(compiled: string | object);
  readonly experiment: Experiment;
  readonly fingerprint: string;
  readonly unit: string;
  readonly cluster: string | null;
  readonly payloads: Readonly<Record<string, Record<string, unknown>>>;
  payload(variant: string | null): Record<string, unknown>;
}
