/**
 * The model test as a program of its own, for it loads a shim that can be told to fail, and a run that hangs or crashes takes nobody
 * along. The engines and the carriers get their turns in each batch of cases.
 *
 *     deno run -A tests/model/program.ts CASES SEED             one batch of so many cases
 *     deno run -A tests/model/program.ts CASES SEED SECONDS     further batches with further seeds, until the time is over
 *
 * The seed "new" is another one each time. A failure is printed shrunken, with the command lines that lead to it and with what makes it again: BLIT_MODEL_SEED and
 * BLIT_MODEL_PATH. Ends with 0 where nothing failed.
 */

import fc from "fast-check";
import { FixtureServer } from "../support/fixture.ts";
import { play, type Stage } from "./player.ts";
import { killAtRandom, sweep } from "./sweep.ts";
import { type Choice, scenarios } from "./scenario.ts";
import { buildFaultyLibrary, loadBlit, openFaults, stage } from "./stage.ts";

Deno.env.set("BLIT_DISABLE_PERF_HISTORY", "1");

interface Room {
  readonly name: string;
  readonly choice: Choice;
  readonly stage: Stage;
  /** Of all cases. */
  readonly share: number;
}

async function openRooms(directory: string, folder: string, fixtures: FixtureServer): Promise<Room[]> {
  const library = await buildFaultyLibrary(directory);
  const native = await loadBlit(await stage(`${directory}/native-engine`, library));
  const portable = await loadBlit(await stage(`${directory}/portable-engine`));
  const port = await native.startDaemon(folder);
  const faults = openFaults(library);
  const everything = { everything: true };
  const network = ["push", "pull", "inline push", "inline pull", "between"] as const;
  return [
    {
      name: "local",
      choice: { abilities: everything, ways: ["local"], faults: true },
      stage: { blit: native, faults, port, folder, fixtures },
      share: 0.5,
    },
    {
      name: "between machines",
      choice: { abilities: everything, ways: network, faults: true },
      stage: { blit: native, faults, port, folder, fixtures },
      share: 0.35,
    },
    {
      name: "portable engine",
      choice: { abilities: { everything: false }, ways: ["local"], faults: false },
      stage: { blit: portable, port, folder, fixtures, timesInMs: true },
      share: 0.15,
    },
  ];
}

/** Plays cases until one fails. */
async function check({ name, choice, stage }: Room, cases: number, seed: number): Promise<boolean> {
  const property = fc.asyncProperty(scenarios(choice), async (scenario) => {
    await play(scenario, stage).catch((error) => {
      // Shrinking what has to wait for a stall takes long.
      if (Deno.env.has("BLIT_MODEL_TRACE")) console.log(`${error}`);
      throw error;
    });
  });
  const path = Deno.env.get("BLIT_MODEL_PATH")?.split("/");
  if (path !== undefined && path[0] !== name) return true;
  const result = await fc.check(property, { numRuns: cases, seed, path: path?.[1] });
  if (!result.failed) return true;
  console.log(`FAILED (${name}): case ${result.numRuns} of seed ${seed}. To make it again:`);
  console.log(
    `  BLIT_MODEL_SEED=${seed} BLIT_MODEL_PATH='${name}/${result.counterexamplePath}' deno task test tests/model`,
  );
  console.log(result.errorInstance instanceof Error ? result.errorInstance.message : `${result.errorInstance}`);
  return false;
}

/** One call after the other fails, and runs are killed at random ones; whether all went well. */
async function sweepAll({ stage }: Room, seed: number): Promise<boolean> {
  try {
    console.log(`${await sweep(stage)} calls failed one by one: all as the model says`);
    console.log(`${await killAtRandom(stage, 60, seed)} runs killed: all as the model says`);
    return true;
  } catch (error) {
    console.log(`FAILED (fixed jobs, seed ${seed}): ${(error as Error).message}`);
    return false;
  }
}

/** Whether no case failed. */
async function batch(rooms: readonly Room[], cases: number, seed: number): Promise<boolean> {
  let good = true;
  for (const room of rooms) good = await check(room, Math.ceil(cases * room.share), seed) && good;
  return good;
}

async function main([cases, seed, seconds]: string[]): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "blit-model-", dir: "/dev/shm" });
  const startMs = performance.now();
  try {
    const folder = `${directory}/trees`;
    await Deno.mkdir(folder);
    await using fixtures = await FixtureServer.start();
    const rooms = await openRooms(directory, folder, fixtures);
    const first = seed === "new" ? Date.now() % 1_000_000_000 : Number(seed);
    let good = await sweepAll(rooms[0], first);
    let played = 0;
    for (let more = true; more; more = performance.now() - startMs < Number(seconds ?? 0) * 1000) {
      good = await batch(rooms, Number(cases), first + played / Number(cases)) && good;
      played += Number(cases);
    }
    const took = Math.round((performance.now() - startMs) / 1000);
    console.log(`${played} cases from seed ${first} on, in ${took} s: ${good ? "all as the model says" : "FAILED"}`);
    return good;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.exit(await main(Deno.args) ? 0 : 1);
