/**
 * One call after the other fails: a few fixed jobs that do all that jobs do, and for each class of system calls the first call fails, then
 * the second, until there are no more.
 */

import { Random } from "../support/random.ts";
import type { Operation } from "./operations.ts";
import { play, type Stage } from "./player.ts";
import { failures, type FaultSpec, type JobSpec } from "./scenario.ts";

const file = (path: string, size: number, seed: number, time = 1000): Operation => ({
  do: "file",
  path,
  size,
  seed,
  time,
});

/** Everything that both trees begin with, and what then makes them different. */
const common: readonly Operation[] = [
  file("same", 100, 1),
  file("b/newer", 5000, 1),
  file("b/linked", 100, 2),
  { do: "link", path: "b/name", pick: 0 },
  file("kind", 10, 1),
  { do: "directory", path: "c/empty" },
  { do: "symlink", path: "c/link", target: "a" },
];
const changes: readonly Operation[] = [
  file("b/newer", 5000, 2, 2000),
  file("new/file", 70_000, 3),
  file("new/deep/file", 1, 3),
  { do: "special", path: "new/fifo", kind: "fifo" },
  { do: "symlink", path: "new/link", target: "../outside" },
  file("kind/now", 3, 3),
  // Of c/empty, which is equal otherwise: the sixth path in order.
  { do: "mode", pick: 5, mode: 0o700 },
  { do: "attribute", pick: 0, value: 1 },
];
const extras: readonly Operation[] = [file("gone", 10, 4), file("c/gone/deep", 10, 4), file("same/sub", 3, 4)];

const plain: JobSpec = {
  ...{ verb: "mirror", way: "local", form: "contents", compare: "quick", ignoreExisting: false, rules: [] },
  ...{ deleteHidden: false, backup: false, verify: false, resume: false, workers: 1, dryRun: false },
};

const jobs: readonly Partial<JobSpec>[] = [
  {},
  { backup: true },
  { verb: "move", verify: true },
  { way: "push" },
  { verb: "move", way: "pull" },
];

/** Throws an Error where a result is wrong; else returns how many calls have failed. */
export async function sweep(stage: Stage): Promise<number> {
  let struck = 0;
  for (const job of jobs) {
    for (const [side, name, [error]] of failures) {
      for (let nth = 1; await strike(stage, { ...plain, ...job }, { side, class: name, nth, error, times: 1 }); nth++) {
        struck++;
      }
    }
  }
  return struck;
}

const SIGKILL = 9;
const SIGSTOP = 19;

/**
 * Kills runs, or stops them for a moment, at so many random calls; the same seed does it at the same ones. Returns how many were
 * killed.
 */
export async function killAtRandom(stage: Stage, times: number, seed: number): Promise<number> {
  const random = new Random(seed);
  let killed = 0;
  for (let i = 0; i < times; i++) {
    const [side, name] = random.pick(failures);
    const job = { ...plain, ...random.pick(jobs), workers: random.pick([1, 4]) };
    const fault = {
      side,
      class: name,
      nth: 1 + random.below(15),
      error: -random.pick([SIGKILL, SIGKILL, SIGSTOP]),
      times: 1,
    };
    if (await strike(stage, job, fault)) killed++;
  }
  return killed;
}

export function strike(stage: Stage, job: JobSpec, fault: FaultSpec) {
  return play({
    source: common,
    alike: true,
    destination: [],
    steps: [{ sourceChanges: changes, destinationChanges: extras, job, fault }],
  }, stage);
}
