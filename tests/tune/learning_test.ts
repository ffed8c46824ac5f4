import { assert, assertEquals, assertThrows } from "@std/assert";
import { configDir, type Environment, processEnvironment } from "../../lib/tune/config_dir.ts";
import { readHistory } from "../../lib/tune/history.ts";
import { allLearnt, openLearning } from "../../lib/tune/learning.ts";
import type { RunRecord } from "../../lib/model/run_record.ts";
import { emptyPredictor, learn, type PredictorState, runsLearnt } from "../../lib/tune/predictor.ts";
import { forgetPredictor, loadPredictor, savePredictor } from "../../lib/tune/predictor_store.ts";
import { enableHistory, historyState } from "../../lib/tune/settings.ts";
import { sampleRecord } from "./sample.ts";

function environment(variables: Record<string, string>, os: Environment["os"] = "linux"): Environment {
  return { os, get: (name) => variables[name] };
}

async function inHome(body: (home: string, dir: string) => Promise<void> | void): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "blit-home-" });
  try {
    await body(home, `${home}/.config/blit`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const places: [what: string, os: Environment["os"], variables: Record<string, string>, dir: string | undefined][] = [
  ["XDG_CONFIG_HOME", "linux", { XDG_CONFIG_HOME: "/x", HOME: "/h" }, "/x/blit"],
  ["the home folder without XDG_CONFIG_HOME", "linux", { HOME: "/h" }, "/h/.config/blit"],
  ["the home folder with an empty XDG_CONFIG_HOME", "linux", { XDG_CONFIG_HOME: "", HOME: "/h" }, "/h/.config/blit"],
  ["the home folder with a relative one", "linux", { XDG_CONFIG_HOME: "x", HOME: "/h" }, "/h/.config/blit"],
  ["nothing", "linux", {}, undefined],
  ["the library of macOS", "darwin", { HOME: "/h" }, "/h/Library/Application Support/blit"],
  ["APPDATA", "windows", { APPDATA: "C:\\a", HOME: "/h" }, "C:\\a\\blit"],
  ["nothing on Windows", "windows", { HOME: "/h" }, undefined],
];

for (const [what, os, variables, dir] of places) {
  Deno.test(`the configuration folder comes from ${what}`, () => {
    assertEquals(configDir(environment(variables, os)), dir);
  });
}

Deno.test("the process's own environment is asked by default", () => {
  assertEquals(processEnvironment.get("PATH"), Deno.env.get("PATH"));
  assertEquals(configDir(), configDir(processEnvironment));
});

Deno.test("a file that cannot be replaced leaves no temporary one behind", () =>
  inHome(async (_home, dir) => {
    await Deno.mkdir(`${dir}/settings.json`, { recursive: true });
    assertThrows(() => enableHistory(dir, true));
    assertEquals([...Deno.readDirSync(dir)].map((entry) => entry.name), ["settings.json"]);
  }));

Deno.test("a run is recorded and learnt from, and the next one knows it", () =>
  inHome((home, dir) => {
    const learning = openLearning(environment({ HOME: home }));
    assertEquals(learning.state, "enabled");
    assertEquals(learning.predictor, emptyPredictor);
    assertEquals(learning.remember(sampleRecord()), undefined);
    assertEquals(readHistory(dir).records, [sampleRecord()]);
    assertEquals(openLearning(environment({ HOME: home })).predictor, loadPredictor(dir));
    assert(loadPredictor(dir).pairs.size > 0);
    forgetPredictor(dir);
    forgetPredictor(dir);
    assertEquals(loadPredictor(dir), emptyPredictor);
  }));

const shortRun = (stalls: number, change: Partial<RunRecord> = {}) =>
  sampleRecord({ time: new Date(1e12 + stalls).toISOString(), stalls, total_ms: 20, copy_ms: 10, ...change });

const runsOf = (state: PredictorState) => runsLearnt(state, sampleRecord());

Deno.test("short runs between places that are known well are learnt in batches, and none is lost or learnt twice", () =>
  inHome((home, dir) => {
    const run = (record: RunRecord) => openLearning(environment({ HOME: home })).remember(record);
    for (let i = 0; i < 10; i++) run(shortRun(i));
    assertEquals(runsOf(loadPredictor(dir)), 10);
    run(shortRun(10));
    assertEquals([runsOf(loadPredictor(dir)), runsOf(allLearnt(dir))], [10, 11]);
    // A long one is learnt at once, with those that waited.
    run(shortRun(11, { total_ms: 1000 }));
    assertEquals(runsOf(loadPredictor(dir)), 12);
    let least = Infinity;
    for (let i = 12; i < 100; i++) {
      run(shortRun(i));
      assertEquals(runsOf(allLearnt(dir)), i + 1);
      least = Math.min(least, runsOf(loadPredictor(dir)) - i);
    }
    assert(least < -5 && least > -40, `${-least} records waited`);
  }));

Deno.test("what is learnt in a batch is what would be learnt run by run", () =>
  inHome((home, dir) => {
    const records = Array.from({ length: 60 }, (_, i) => shortRun(i, { planning_ms: 1 + i % 7 }));
    for (const record of records) openLearning(environment({ HOME: home })).remember(record);
    assertEquals(allLearnt(dir).pairs, records.reduce(learn, emptyPredictor).pairs);
  }));

Deno.test("a history that cannot be read leaves what was learnt", () =>
  inHome(async (home, dir) => {
    openLearning(environment({ HOME: home })).remember(sampleRecord());
    const state = loadPredictor(dir);
    await Deno.remove(`${dir}/perf_local.jsonl`);
    await Deno.mkdir(`${dir}/perf_local.jsonl`);
    assertEquals(allLearnt(dir), state);
  }));

Deno.test("a plaid run is recorded but teaches nothing", () =>
  inHome((home, dir) => {
    assertEquals(
      openLearning(environment({ HOME: home })).remember(sampleRecord({ flags: ["plaid"] })),
      undefined,
    );
    assertEquals(readHistory(dir).records.length, 1);
    assertEquals(loadPredictor(dir), emptyPredictor);
  }));

Deno.test("a history that is switched off stays as it is, until it is switched on", () =>
  inHome(async (home, dir) => {
    await Deno.mkdir(dir, { recursive: true });
    await Deno.writeTextFile(`${dir}/settings.json`, `{"colour":"blue"}`);
    enableHistory(dir, false);
    assertEquals(JSON.parse(await Deno.readTextFile(`${dir}/settings.json`)), { colour: "blue", perf_history: false });
    const off = openLearning(environment({ HOME: home }));
    assertEquals(off.state, "disabled by settings");
    assertEquals(off.remember(sampleRecord()), undefined);
    assertEquals(readHistory(dir).records, []);
    enableHistory(dir, true);
    assertEquals(openLearning(environment({ HOME: home })).state, "enabled");
  }));

Deno.test("the environment switches history off, and 0 or nothing does not", () =>
  inHome((home, dir) => {
    const state = (value: string) => historyState(dir, environment({ HOME: home, BLIT_DISABLE_PERF_HISTORY: value }));
    assertEquals(["1", "yes", "0", ""].map(state), [
      "disabled by environment",
      "disabled by environment",
      "enabled",
      "enabled",
    ]);
  }));

Deno.test("settings that cannot be understood count as no", () =>
  inHome(async (_home, dir) => {
    await Deno.mkdir(dir, { recursive: true });
    for (const text of ["", "{", "[]", "null", `"on"`]) {
      await Deno.writeTextFile(`${dir}/settings.json`, text);
      assertEquals(historyState(dir, environment({})), "disabled by settings", text);
    }
    await Deno.remove(`${dir}/settings.json`);
    await Deno.mkdir(`${dir}/settings.json`);
    assertEquals(historyState(dir, environment({})), "disabled by settings");
  }));

Deno.test("without a configuration folder nothing is recorded and nothing fails", () => {
  const learning = openLearning(environment({}));
  assertEquals(learning.state, "no configuration directory");
  assertEquals(learning.remember(sampleRecord()), undefined);
});

Deno.test("a history that cannot be written is told, not thrown", () =>
  inHome(async (home) => {
    await Deno.writeTextFile(`${home}/.config`, "a file where the folder should be");
    const learning = openLearning(environment({ HOME: home }));
    assertEquals(learning.state, "enabled");
    assert(learning.remember(sampleRecord()) instanceof Error);
  }));

Deno.test("what was learnt is kept, and what is damaged or foreign is forgotten", () =>
  inHome(async (home, dir) => {
    openLearning(environment({ HOME: home })).remember(sampleRecord());
    const state = loadPredictor(dir);
    const text = await Deno.readTextFile(`${dir}/perf_predictor.json`);
    savePredictor(dir, state);
    assertEquals(loadPredictor(dir), state);
    for (const damage of ["", "{", "null", "{}", text.slice(0, -5), text.replace(`"version":1`, `"version":2`)]) {
      await Deno.writeTextFile(`${dir}/perf_predictor.json`, damage);
      assertEquals(loadPredictor(dir), emptyPredictor, damage.slice(0, 40));
    }
  }));

Deno.test("of what was learnt only the damaged pair is forgotten, and wild figures are tamed", () =>
  inHome(async (home, dir) => {
    openLearning(environment({ HOME: home })).remember(sampleRecord());
    const { pairs } = JSON.parse(await Deno.readTextFile(`${dir}/perf_predictor.json`));
    const [[key, model], second] = pairs;
    const wild = { ...model, cost: { ...model.cost, perFile: 1e9, fixed: -5 } };
    const broken = { ...model, settled: { runs: "many" } };
    await Deno.writeTextFile(
      `${dir}/perf_predictor.json`,
      JSON.stringify({ version: 1, pairs: [[key, wild], [second[0], broken], [7, model], "x"] }),
    );
    const state = loadPredictor(dir);
    assertEquals([...state.pairs.keys()], [key]);
    assertEquals(state.pairs.get(key)!.cost.perFile, 50);
    assertEquals(state.pairs.get(key)!.cost.fixed, 0.05);
  }));
