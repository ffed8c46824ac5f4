/** One row run for real on a tiny tree, with contenders of known behaviour. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Contender, keepsAll } from "../../bench/contender.ts";
import { Interrupted } from "../../bench/failure.ts";
import { floorsFor } from "../../bench/floors.ts";
import { factsOf } from "../../bench/manifest.ts";
import { findPeers, peersFor } from "../../bench/peers.ts";
import type { Place } from "../../bench/places.ts";
import { runRow } from "../../bench/row.ts";
import { type Workload, workloadById, workloads } from "../../bench/workloads.ts";
import { command, linux, testNeeding } from "../support/needs.ts";

const needs = [linux, command("cc")];
const scale = 0.001;

async function inPlace<T>(body: (place: Place) => Promise<T>): Promise<T> {
  const root = await Deno.makeTempDir({ prefix: "blit-bench-test-" });
  try {
    return await body({ id: "here", description: "a directory", fileSystem: "other", root });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function named(id: string): Workload {
  const workload = workloadById(id);
  if (!workload) throw new Error(`no workload ${id}`);
  return workload;
}

function planFor(workload: Workload, place: Place, contenders: readonly Contender[]) {
  return { workload, place, contenders, scale, runs: 2, patienceMs: 0, facts: factsOf(workload.source(scale)) };
}

function scripted(id: string, script: string): Contender {
  return {
    id,
    label: id,
    role: "peer",
    note: "",
    keeps: keepsAll,
    command: (source, to) => ["sh", "-c", script, "sh", source, to],
  };
}

testNeeding(needs, "floors and peers copy every workload faithfully, and are timed in every round", async () => {
  const installed = (await findPeers()).flatMap((tool) => "version" in tool ? [tool.id] : []);
  // Without rclone: it takes longer to start than the rest of the test together.
  const peers = installed.filter((id) => id !== "rclone");
  for (const workload of workloads) {
    const row = { workload, fileSystem: "other" } as const;
    const contenders = [...await floorsFor(row), ...peersFor(row, peers)];
    const result = await inPlace((place) => runRow(planFor(workload, place, contenders)));
    for (const contender of result.contenders) {
      assertEquals(
        [contender.failure, contender.samples.length],
        [undefined, 2],
        `${workload.id}: ${contender.label}`,
      );
      for (const sample of contender.samples) assert(sample.wall_ms > 0 && sample.peak_kib > 0);
    }
  }
});

testNeeding(needs, "a wrong copy, a failure and doing nothing are found, and the others go on", async () => {
  const contenders = [
    scripted("forgets", 'cp -a "$1" "$2" && find "$2" -type f | head -n 1 | xargs rm'),
    scripted("fails", 'echo "no such luck" >&2; exit 3'),
    scripted("idle", "true"),
    scripted("copies", 'cp -a "$1" "$2"'),
  ];
  const row = await inPlace((place) => runRow(planFor(named("small100k"), place, contenders)));
  const [forgets, fails, idle, copies] = row.contenders;
  assertStringIncludes(forgets.failure ?? "", "wrong result");
  assertStringIncludes(forgets.failure ?? "", "missing");
  assertEquals(fails.failure, "exit code 3: no such luck");
  assertEquals(idle.failure, "wrong result: the destination does not exist");
  assertEquals([copies.failure, copies.samples.length], [undefined, 2]);
});

testNeeding(needs, "each run of a changed tree finds the change again, also after somebody broke it", async () => {
  const contenders = [
    scripted("destroys", 'rm -rf "$2"/*'),
    // Succeeds only where the destination is as it was before the change: differing, but with every name in place.
    scripted("needs the change", '! diff -rq "$1" "$2" >/dev/null && cp -au "$1/." "$2"'),
  ];
  const row = await inPlace((place) => runRow(planFor(named("changed1"), place, contenders)));
  assertStringIncludes(row.contenders[0].failure ?? "", "wrong result");
  assertEquals([row.contenders[1].failure, row.contenders[1].samples.length], [undefined, 2]);
});

testNeeding(needs, "contenders take turns, and the warm-up round is not counted", async () => {
  await inPlace(async (place) => {
    const log = await Deno.makeTempFile();
    const contenders = ["a", "b"].map((id) => scripted(id, `echo ${id} >> ${log}; cp -a "$1" "$2"`));
    await runRow(planFor(named("tiny"), place, contenders));
    assertEquals((await Deno.readTextFile(log)).split("\n").join(""), "abbaab");
    await Deno.remove(log);
  });
});

testNeeding(needs, "an interrupt ends the running program and the row", async () => {
  await inPlace(async (place) => {
    const abort = new AbortController();
    const pidFile = `${place.root}/pid`;
    const sleeper = scripted("sleeps", `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; sleep 600; true`);
    const row = runRow({ ...planFor(named("tiny"), place, [sleeper]), signal: abort.signal });
    const rejected = assertRejects(() => row, Interrupted);
    const pid = await readWhenThere(pidFile);
    abort.abort();
    await rejected;
    assertEquals(await Deno.stat(`/proc/${pid}`).catch(() => "gone"), "gone");
  });
});

async function readWhenThere(path: string): Promise<string> {
  for (;;) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text) return text.trim();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
