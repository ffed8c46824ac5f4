import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseArgs, type RemoteOptions } from "../../bench/args.ts";
import { BenchError } from "../../bench/failure.ts";
import { runRemote } from "../../bench/remote.ts";
import { loadResults } from "../../bench/result.ts";
import { testDirectory } from "../support/environment.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { unwatched } from "./surroundings.ts";

function remote(...words: string[]): RemoteOptions {
  const command = parseArgs(["remote", ...words]);
  if (command.verb !== "remote") throw new Error(`"${command.verb}" instead of remote`);
  return command.options;
}

Deno.test("remote measures over every network unless told which", () => {
  const all = remote();
  assertEquals(all.networks, ["loopback", "veth", "wan"]);
  const one = remote("--network", "veth", "--only", "nochange", "--quick");
  assertEquals([one.networks, one.only, one.scale], [["veth"], ["nochange"], 0.1]);
  assertThrows(() => parseArgs(["remote", "--network", "moon"]), BenchError, 'Unknown network "moon"');
});

testNeeding(
  [linux, command("cc"), command("rsync")],
  "pushes, pulls and copies between daemons are measured against what is there, and their results checked",
  async () => {
    await using dir = await testDirectory();
    let printed = "";
    await runRemote({
      scale: 0.001,
      runs: 1,
      patienceMs: 1,
      only: ["small100k", "one2g"],
      networks: ["loopback"],
      json: dir.at("result.json"),
    }, unwatched(dir.at("result.json"), (text) => printed += text));
    const { rows, complete } = await loadResults(dir.at("result.json"));
    assert(complete);
    assertEquals(rows.map(({ workload, place }) => `${workload} ${place}`), [
      "small100k push:loopback",
      "small100k pull:loopback",
      "small100k between:loopback",
      "one2g push:loopback",
      "one2g pull:loopback",
      "one2g between:loopback",
    ]);
    assertEquals(rows[1].contenders.map(({ id }) => id), ["blit", "rsyncd", "tar"]);
    const others = command("rclone").missing === undefined ? ["rsyncd", "rclone", "tar"] : ["rsyncd", "tar"];
    assertEquals(rows[3].contenders.map(({ id }) => id), ["blit", ...others, "floor-stream"]);
    for (const { contenders } of rows) {
      for (const { id, failure, samples } of contenders) {
        assertEquals([id, failure, samples.length], [id, undefined, 1]);
      }
    }
    assertMatch(printed, /peak memory of the daemon: \d+ MiB/);
  },
);
