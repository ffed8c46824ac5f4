/** Trees of great depth: each level costs the same, and what is too deep is said. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";

/** Directories inside each other, with a file in each. */
async function makeDeep(dir: TestDirectory, name: string, levels: number, part: string): Promise<void> {
  const script =
    `mkdir -p "$1"; cd -P "$1"; i=0; while [ $i -lt $2 ]; do : > file; mkdir "$3"; cd -P "$3"; i=$((i+1)); done`;
  const args = ["-c", script, "sh", dir.at(name), `${levels}`, part];
  const { success, stderr } = await new Deno.Command("dash", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The system calls of a process that reach for directories go to a file, one on a line. */
async function traced(pid: number, file: string): Promise<AsyncDisposable> {
  const args = ["-f", "-p", `${pid}`, "-e", "trace=openat,getdents64,unlinkat", "-o", file];
  const strace = new Deno.Command("strace", { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const reader = strace.stderr.getReader();
  await reader.read(); // "Process ... attached"
  return {
    [Symbol.asyncDispose]: async () => {
      strace.kill("SIGINT");
      await reader.cancel();
      await strace.status;
    },
  };
}

testNeeding(
  [linux, command("strace"), command("dash")],
  "du, find and rm cost the same for each level of a tree",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ data: null });
    for (const levels of [100, 200]) await makeDeep(dir, `data/t${levels}`, levels, "d");
    const trace = dir.at("trace");
    await using daemon = await startDaemon(dir, { root: "data" });
    await using _ = await traced(daemon.program.pid, trace);
    const calls = async () => (await Deno.readTextFile(trace)).split("\n").length;
    for (const words of [["du"], ["find"], ["rm", "--yes"]]) {
      const counts = [];
      for (const levels of [100, 200]) {
        const before = await calls();
        assertExit(await blit([...words, daemon.place(`default/t${levels}`)]), 0);
        counts.push(await calls() - before);
      }
      assert(counts[1] < 3 * counts[0], `${words[0]}: ${counts[0]} system calls for 100 levels, ${counts[1]} for 200`);
    }
    assertEquals(await dir.names("data"), []);
  },
);

testNeeding(
  [linux, command("dash")],
  "what lies deeper than a path may be long is named, and the rest is done",
  async () => {
    await using dir = await testDirectory();
    await makeDeep(dir, "data/t", 280, "x".repeat(250));
    await using daemon = await startDaemon(dir, { root: "data" });
    for (const words of [["du"], ["find"], ["rm", "--yes"]]) {
      const result = await blit([...words, daemon.place("default/t")]);
      assertExit(result, 2);
      assert(/file name too long/.test(result.stderr), result.stderr.slice(-300));
      if (words[0] === "find") {
        assertEquals(
          result.stdout.split("\n").filter((line) => line.endsWith("/file")).length,
          262,
        );
      }
    }
  },
);
