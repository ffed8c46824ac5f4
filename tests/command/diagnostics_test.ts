/** `blit diagnostics perf` and `blit profile` on a configuration directory of their own. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configDir, type Environment } from "../../lib/tune/config_dir.ts";
import { appendRecord, readHistory } from "../../lib/tune/history.ts";
import { openLearning } from "../../lib/tune/learning.ts";
import { loadPredictor } from "../../lib/tune/predictor_store.ts";
import { sampleRecord } from "../tune/sample.ts";
import { runLine, type World } from "./fake.ts";

interface Config {
  /** What XDG_CONFIG_HOME names, and what blit makes of it. */
  readonly home: string;
  readonly dir: string;
  readonly world: World;
}

async function withConfig(body: (config: Config) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "blit-config-" });
  const environment = { XDG_CONFIG_HOME: home, APPDATA: home };
  const dir = configDir(environmentOf(environment))!;
  try {
    await body({ home, dir, world: { environment } });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function environmentOf(variables: Record<string, string> = {}): Environment {
  return { os: Deno.build.os, get: (name) => variables[name] };
}

/** Runs that were recorded and learnt from. */
function remember({ world }: Config, count: number): void {
  const { remember } = openLearning(environmentOf(world.environment));
  for (let i = 0; i < count; i++) {
    assertEquals(remember(sampleRecord({ planning_ms: 5 + i, total_ms: 1000 + i })), undefined);
  }
}

Deno.test("without a history there is nothing to show, and nothing is made", () =>
  withConfig(async ({ home, world }) => {
    const perf = await runLine("diagnostics perf", world);
    assertEquals([perf.code, perf.stdout, perf.stderr], [0, "Performance history: enabled, 0 runs\n", ""]);
    const profile = await runLine("profile", world);
    assertEquals([profile.code, profile.stdout], [0, "Nothing was learnt yet: every run starts from the defaults\n"]);
    assertEquals([...Deno.readDirSync(home)], []);
  }));

Deno.test("recorded runs are a table, and with --json the records themselves", () =>
  withConfig(async (config) => {
    remember(config, 3);
    const { stdout } = await runLine("diagnostics perf", config.world);
    assertStringIncludes(stdout, "Performance history: enabled, 3 runs\n");
    assertEquals(stdout.split("\n").filter((line) => line.startsWith("2026-02-03 14:05")).length, 3);
    const json = JSON.parse((await runLine("diagnostics perf --json", config.world)).stdout);
    assertEquals(json, { history: "enabled", runs: readHistory(config.dir).records, unreadable_lines: 0 });
  }));

Deno.test("what was learnt is told, and with --json the figures", () =>
  withConfig(async (config) => {
    remember(config, 3);
    const { stdout } = await runLine("profile", config.world);
    assertStringIncludes(stdout, "ext4 on nvme0n1 > xfs on nvme1n1, streaming: 3 runs\n");
    const json = JSON.parse((await runLine("profile --json", config.world)).stdout);
    assertEquals([json.history, json.profiles.length, json.profiles[0].runs], ["enabled", 1, 3]);
  }));

Deno.test("recording is switched off and on, the runs stay, and what is not used is said", () =>
  withConfig(async (config) => {
    remember(config, 2);
    const off = await runLine("diagnostics perf --disable", config.world);
    assertEquals([off.code, off.stdout], [0, "Performance history: disabled by settings, 2 runs\n"]);
    assertEquals(
      openLearning(environmentOf(config.world.environment)).state,
      "disabled by settings",
    );
    const profile = (await runLine("profile", config.world)).stdout;
    assert(
      profile.startsWith("Nothing of this is used: the performance history is disabled by settings\n\next4"),
      profile,
    );
    const on = await runLine("diagnostics perf --enable", config.world);
    assertEquals(on.stdout, "Performance history: enabled, 2 runs\n");
  }));

Deno.test("the environment's no is shown", () =>
  withConfig(async ({ world }) => {
    const environment = { ...world.environment, BLIT_DISABLE_PERF_HISTORY: "1" };
    const { stdout } = await runLine("diagnostics perf --enable", { environment });
    assertEquals(stdout, "Performance history: disabled by environment, 0 runs\n");
  }));

Deno.test("clearing forgets the runs and what was learnt, and twice is no error", () =>
  withConfig(async (config) => {
    remember(config, 2);
    for (let i = 0; i < 2; i++) {
      const { code, stdout } = await runLine("diagnostics perf --clear", config.world);
      assertEquals([code, stdout], [0, "Performance history: enabled, 0 runs\n"]);
      assertEquals([readHistory(config.dir).records, loadPredictor(config.dir).pairs.size], [[], 0]);
    }
  }));

Deno.test("lines that cannot be read are counted", () =>
  withConfig(async ({ dir, world }) => {
    appendRecord(dir, sampleRecord());
    await Deno.writeTextFile(`${dir}/perf_local.jsonl`, "{torn\n", { append: true });
    const { stdout } = await runLine("diagnostics perf", world);
    assertStringIncludes(stdout, "Performance history: enabled, 1 run, 1 unreadable line skipped\n");
  }));

Deno.test("a history that cannot be read or changed is one line of error", () =>
  withConfig(async ({ dir, world }) => {
    await Deno.mkdir(`${dir}/perf_local.jsonl`, { recursive: true });
    await Deno.mkdir(`${dir}/settings.json`);
    const cases: [line: string, action: string][] = [
      ["diagnostics perf", "read"],
      ["diagnostics perf --json", "read"],
      ["diagnostics perf --disable", "change"],
      ["diagnostics perf --clear", "change"],
    ];
    for (const [line, action] of cases) {
      const { code, stdout, stderr } = await runLine(line, world);
      assertEquals([code, stdout], [1, ""], line);
      assert(stderr.startsWith(`blit: Cannot ${action} the performance history in "${dir}": `), stderr);
      assertEquals(stderr.split("\n").length, 2);
    }
  }));

Deno.test("where the environment names no directory the history is empty and cannot be changed", async () => {
  const { code, stdout } = await runLine("diagnostics perf");
  assertEquals([code, stdout], [0, "Performance history: no configuration directory, 0 runs\n"]);
  for (const flag of ["--enable", "--disable", "--clear"]) {
    const refused = await runLine(`diagnostics perf ${flag}`);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "names no configuration directory. Set HOME or XDG_CONFIG_HOME.\n");
  }
  assertEquals((await runLine("profile")).code, 0);
});
