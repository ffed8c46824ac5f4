/** A case of the model test as data: two trees, and some runs between them with changes and faults in the meantime. */

import fc from "fast-check";
import { type Abilities, LARGE, type Operation, operations } from "./operations.ts";
import type { Fault } from "./stage.ts";

export type Way = "local" | "push" | "pull" | "inline push" | "inline pull" | "between";
export type Verb = "copy" | "mirror" | "move" | "check";

export interface Rule {
  readonly action: "include" | "exclude";
  readonly pattern: string;
}

export interface JobSpec {
  readonly verb: Verb;
  readonly way: Way;
  /** `contents`: "s/" to "d"; `nested`: "s" into "d/"; `single`: one file of the source, if it has one. */
  readonly form: "contents" | "nested" | "single";
  readonly compare: "quick" | "checksum" | "size-only" | "ignore-times";
  readonly ignoreExisting: boolean;
  readonly rules: readonly Rule[];
  /** Paths of --files-from. */
  readonly list?: readonly string[];
  readonly maxSize?: number;
  readonly deleteHidden: boolean;
  readonly maxDelete?: number;
  readonly backup: boolean;
  readonly verify: boolean;
  readonly resume: boolean;
  readonly workers: number;
  /** A dry run goes first. */
  readonly dryRun: boolean;
}

export interface FaultSpec extends Fault {
  readonly side: "source" | "destination";
}

export interface Step {
  readonly sourceChanges: readonly Operation[];
  readonly destinationChanges: readonly Operation[];
  readonly job: JobSpec;
  readonly fault?: FaultSpec;
}

export interface Scenario {
  readonly source: readonly Operation[];
  /** The destination begins as a copy of the source, with its times. */
  readonly alike: boolean;
  readonly destination: readonly Operation[];
  readonly steps: readonly Step[];
}

const patterns = ["a", "b", "/a", "*", "a/", "a/*", "**/b", "c/***", ".*", "?", "a/b/**"];
const listed = ["a", "b", "c", "a/b", "a/a", "b/c", ".", "A/"];

const E = { PERM: 1, IO: 5, ACCES: 13, NOSPC: 28, ROFS: 30, MLINK: 31, CONNRESET: 104, DQUOT: 122 };

/** What can fail where, and how. */
export const failures: readonly (readonly [side: FaultSpec["side"], name: string, errors: readonly number[]])[] = [
  ["source", "open", [E.ACCES, E.IO]],
  ["source", "list", [E.IO]],
  ["source", "stat", [E.ACCES, E.IO]],
  ["source", "read", [E.IO]],
  ["source", "remove", [E.ACCES, E.ROFS]],
  ["destination", "open", [E.ACCES, E.IO]],
  ["destination", "list", [E.IO]],
  ["destination", "stat", [E.IO]],
  ["destination", "create", [E.NOSPC, E.ACCES, E.DQUOT]],
  ["destination", "write", [E.NOSPC, E.IO, E.DQUOT]],
  ["destination", "make", [E.NOSPC, E.ACCES]],
  ["destination", "link", [E.MLINK, E.PERM]],
  ["destination", "rename", [E.NOSPC, E.IO]],
  ["destination", "remove", [E.ACCES, E.IO]],
  ["destination", "meta", [E.PERM, E.IO]],
  ["destination", "attribute", [E.NOSPC, E.PERM]],
];

const fault: fc.Arbitrary<FaultSpec> = fc.constantFrom(...failures).chain(([side, name, errors]) =>
  fc.record({
    side: fc.constant(side),
    class: fc.constant(name),
    nth: fc.integer({ min: 1, max: 12 }),
    error: fc.constantFrom(...errors),
    times: fc.constantFrom(1, 1, 1_000_000),
  })
);

/** A connection breaks off once: what was lost is asked for again. */
const brokenLane: fc.Arbitrary<FaultSpec> = fc.record({
  side: fc.constant("source" as const),
  class: fc.constant("net"),
  nth: fc.integer({ min: 1, max: 40 }),
  error: fc.constant(E.CONNRESET),
  times: fc.constant(1),
});

function rarely(percent: number): fc.Arbitrary<boolean> {
  return fc.nat(99).map((number) => number >= 100 - percent);
}

function sometimes<T>(percent: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.tuple(rarely(percent), arbitrary).map(([given, value]) => given ? value : undefined);
}

export interface Choice {
  readonly abilities: Abilities;
  readonly ways: readonly Way[];
  readonly faults: boolean;
}

function jobs({ ways }: Choice): fc.Arbitrary<JobSpec> {
  return fc.record({
    verb: fc.constantFrom("copy", "mirror", "mirror", "move", "move", "check"),
    way: fc.constantFrom(...ways),
    form: fc.constantFrom("contents", "contents", "contents", "nested", "single"),
    compare: fc.constantFrom("quick", "quick", "quick", "checksum", "size-only", "ignore-times"),
    ignoreExisting: rarely(10),
    rules: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.record({
            action: fc.constantFrom("include", "exclude", "exclude"),
            pattern: fc.constantFrom(...patterns),
          }),
          { maxLength: 3 },
        ),
      },
    ),
    list: sometimes(10, fc.uniqueArray(fc.constantFrom(...listed), { minLength: 1, maxLength: 3 })),
    maxSize: sometimes(10, fc.constantFrom(0, 100, 5000)),
    deleteHidden: rarely(20),
    maxDelete: sometimes(Deno.env.has("NOMAX") ? 0 : 15, fc.nat(6)),
    backup: rarely(20),
    verify: rarely(20),
    resume: rarely(15),
    workers: fc.constantFrom(1, 1, 4),
    dryRun: rarely(25),
  }).map((job) => consistent(job as JobSpec));
}

/** Without the options that the command does not have. */
function consistent(job: JobSpec): JobSpec {
  const { verb, form, compare, list } = job;
  const common = {
    ...job,
    list: form === "single" ? undefined : list,
    maxDelete: verb === "mirror" ? job.maxDelete : undefined,
  };
  if (verb !== "check") return common;
  const readsOnly = { ignoreExisting: false, backup: false, verify: false, dryRun: false };
  return { ...common, ...readsOnly, compare: compare === "ignore-times" ? "quick" : compare };
}

/** One entry of the tree in a hundred is a large file. */
function withLarge(most: number, abilities: Abilities): fc.Arbitrary<Operation[]> {
  const large = fc.record({
    do: fc.constant("file" as const),
    path: fc.constantFrom("a", "b", "c/a"),
    size: fc.constant(LARGE),
    seed: fc.integer({ min: 1, max: 2 }),
    time: fc.constantFrom(1000, 2000),
  });
  return fc.tuple(operations(abilities, most), sometimes(4, large)).map(([list, one]) => one ? [...list, one] : list);
}

export function scenarios(choice: Choice): fc.Arbitrary<Scenario> {
  const { abilities } = choice;
  const step: fc.Arbitrary<Step> = jobs(choice).chain((job) =>
    fc.record({
      sourceChanges: operations(abilities, 4),
      destinationChanges: operations(abilities, 3),
      job: fc.constant(job),
      fault: choice.faults
        ? sometimes(
          60,
          job.way === "local" || job.way.startsWith("inline") ? fault : fc.oneof(fault, fault, brokenLane),
        )
        : fc.constant(undefined),
    })
  );
  return fc.record({
    source: withLarge(15, abilities),
    alike: fc.boolean(),
    destination: operations(abilities, 8),
    steps: fc.array(step, { minLength: 1, maxLength: 2 }),
  });
}
