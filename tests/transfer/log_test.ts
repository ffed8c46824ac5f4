/** What a daemon's log says of a transfer: how its job fared, whatever became of the call. */

import { assert, assertEquals } from "@std/assert";
import { assertExit } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit, startBlit, until } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

for (const way of directions) {
  const direction = { destination: "push", source: "pull", both: "fetch" }[way.remote];
  const procedure = way.remote === "both" ? "Fetch" : "Transfer";

  testNeeding([linux], `${way.name}: the log has number, files and bytes of a job that did its work`, async () => {
    await using scene = await Scene.open(way);
    await scene.dir.write({ "src/a": "four", "src/b": "sixsix" });
    assertExit(await scene.run("copy", "src/", "dst"), 0);
    const job = await jobOf(scene, direction);
    assertEquals([job.level, job.verb, job.status, job.files, job.bytes], ["info", "copy", "ok", "2", "10"]);
    const call = await callOf(scene, procedure, job.job);
    assertEquals([call.level, call.code], ["info", "ok"]);
  });

  for (const end of ["cancelled", "left by its client"]) {
    testNeeding([linux], `${way.name}: the log does not say ok of a job that was ${end}`, async () => {
      await using scene = await Scene.open(way);
      const { dir, daemon } = scene;
      await dir.write({ "src/a": "x", "src/large": new Uint8Array(20 << 20) });
      const copying = await startBlit(["copy", scene.source("src/"), scene.destination("dst"), "--bwlimit", "4M"]);
      await until(async () => await dir.exists("dst/a"), "the first file", copying);
      if (end === "cancelled") await blit(["jobs", "cancel", daemon.host, "1"]);
      else copying.kill("SIGKILL");
      await copying.result;
      const job = await jobOf(scene, direction);
      assertEquals([job.level, job.status], ["warning", end === "cancelled" ? end : "interrupted"]);
      assert(Number(job.bytes) > 0, JSON.stringify(job));
      const call = await callOf(scene, procedure, job.job);
      assertEquals(call.level, "warning");
      assert(["interrupted", "cancelled", "canceled"].includes(call.code), call.code);
    });
  }
}

async function jobOf({ daemon }: Scene, direction: string) {
  const found = () => daemon.events("job").find((record) => record.direction === direction);
  await until(() => found() !== undefined, "the job's line");
  return found()!;
}

async function callOf({ daemon }: Scene, procedure: string, job: string) {
  const found = () => daemon.events("call").find((record) => record.procedure === procedure && record.job === job);
  await until(() => found() !== undefined, "the call's line");
  return found()!;
}
