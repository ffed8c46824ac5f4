/** Files whose size is not that of their content (/proc, /sys, FUSE) are copied to their end; special files as operands are refused. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertUntouched, failureOf } from "../support/expect.ts";
import { command, linux, mounting, type Need, root, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type JsonResult } from "../support/program.ts";
import { mountFalse } from "../support/silent_mount.ts";
import { directions, Scene } from "../transfer/ways.ts";

const notCompiled: Need = {
  missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined,
};
const MIB = 1 << 20;
const ENDLESS = 2 ** 52;
/** Of 4096 bytes, but shorter; of 0 bytes, but longer; of 0 bytes and long. */
const shown = ["/sys/kernel/mm/transparent_hugepage/enabled", "/proc/version", "/proc/kallsyms"];
const fuse = [linux, root, mounting, command("cc")];

for (const options of [[], ["--verify"], ["--null"]]) {
  testNeeding([linux], ["files of /proc and /sys are copied to their end", ...options].join(" "), async () => {
    await using dir = await testDirectory();
    const result = await blitJson([
      "copy",
      ...shown,
      ...options.includes("--null") ? options : [dir.at("d/"), ...options],
    ]);
    assertExit(result, 0);
    assertEquals(result.summary.files_failed, 0);
    if (options.includes("--null")) return;
    for (const path of shown) {
      assertEquals(await dir.read(`d/${path.replace(/^.*\//, "")}`), await Deno.readTextFile(path), path);
    }
  });
}

testNeeding(
  [linux, notCompiled],
  "without the native library files of /proc and /sys are copied to their end",
  async () => {
    await using dir = await testDirectory();
    assertExit(await blit(["copy", ...shown, dir.at("d/")], { withoutShim: true }), 0);
    for (const path of shown) {
      assertEquals(await dir.read(`d/${path.replace(/^.*\//, "")}`), await Deno.readTextFile(path), path);
    }
  },
);

for (const way of directions.filter(({ remote }) => remote === "destination")) {
  testNeeding([linux], `${way.name}: files of /proc and /sys arrive to their end`, async () => {
    await using scene = await Scene.open(way);
    const args = ["copy", ...shown, scene.destination("d/")];
    assertExit(await blit(args), 0);
    for (const path of shown) {
      assertEquals(await scene.dir.read(`d/${path.replace(/^.*\//, "")}`), await Deno.readTextFile(path), path);
    }
  });
}

/** What the file says that it has, and what it has. */
const lies: [number, number][] = [
  [0, 300_000],
  [100_000, 10],
  [100_000, 0],
  [10, 100_000],
  [300_000, 5000],
  [300_000, 900_000],
  [5 * MIB, 70],
  [20 * MIB, 70],
  [20 * MIB, 21 * MIB],
];

testNeeding(fuse, "files whose sizes are false are copied to their end", async () => {
  for (const [size, held] of lies) {
    await using source = await mountFalse(size, held);
    await using dir = await testDirectory();
    for (const options of [[], ["--verify"], ["--checksum"]]) {
      assertExit(await blit(["copy", ...options, `${source.path}/`, dir.at("d")], { unmeasured: true }), 0);
      assertEquals((await Deno.stat(dir.at("d/file"))).size, held, `${held} bytes that are said to be ${size}`);
      await Deno.remove(dir.at("d/file"));
    }
  }
});

/** It waits in memory to be sent, so there is a limit. */
function assertArrived(result: JsonResult, held: number, path: string): void {
  const named = held > 16 * MIB;
  assertExit(result, named ? 2 : 0);
  if (!named) return assertEquals(Deno.statSync(path).size, held, path);
  assertEquals(
    failureOf(result, "file").message,
    "Cannot read: its size says nothing, and there is too much of it to be read without one",
  );
}

testNeeding(fuse, "files whose sizes are false arrive at a daemon to their end, or are named", async () => {
  await using scene = await Scene.open(directions[0]);
  for (const [size, held] of lies) {
    await using source = await mountFalse(size, held);
    const result = await blitJson(["copy", `${source.path}/`, scene.destination(`${size}-${held}`)]);
    assertArrived(result, held, scene.dir.at(`${size}-${held}/file`));
  }
});

testNeeding(fuse, "files whose sizes are false come from a daemon to their end, or are named", async () => {
  await using dir = await testDirectory();
  await using mounts = new AsyncDisposableStack();
  const sources: string[] = [];
  for (const [size, held] of lies) sources.push(mounts.use(await mountFalse(size, held)).path);
  const config = sources.map((path, i) => `[[modules]]\nname = "m${i}"\npath = "${path}"\n`).join("");
  await using daemon = await startDaemon(dir, { config });
  for (const [i, [, held]] of lies.entries()) {
    const result = await blitJson(["copy", daemon.place(`m${i}/`), dir.at(`d${i}`)]);
    assertArrived(result, held, dir.at(`d${i}/file`));
  }
});

testNeeding(fuse, "a file without an end is given up and named, and nothing of it is left", async () => {
  for (const size of [0, 100_000, 20 * MIB]) {
    await using source = await mountFalse(size, ENDLESS);
    await using dir = await testDirectory();
    await dir.write({ "d/file": "old" });
    const result = await blitJson(["copy", `${source.path}/`, dir.at("d")]);
    assertExit(result, 2);
    assertSays(result, /there is too much of it/);
    assertEquals([await dir.names(), await dir.read("d/file")], [["d", "d/file"], "old"]);
  }
});

testNeeding([linux, root], "a kernel's log that waits for more is named, and nobody waits for it", async () => {
  await using dir = await testDirectory();
  assertExit(await blit(["copy", "/proc/kmsg", dir.at("d/")]), 2);
  assertEquals(await dir.names(), ["d"]);
});

testNeeding([linux], "a FIFO, a socket, a device and an open file of a process are no operands", async () => {
  await using dir = await testDirectory();
  await dir.make(".", ["fifo p", "socket s", "file f 5 1", "dir d", "fifo d/f", "symlink to-p p"]);
  const before = await dir.snapshot();
  const refused: [string, string, RegExp][] = [
    [dir.at("p"), dir.at("new"), /it is a FIFO\. .*cat /],
    [dir.at("s"), dir.at("d"), /it is a socket/],
    ["/dev/null", dir.at("d"), /it is a device/],
    ["/dev/stdin", dir.at("new"), /it is an open file of a process/],
    ["/dev/fd/0", dir.at("new"), /it is an open file of a process/],
    ["/proc/self/fd/0", dir.at("new"), /it is an open file of a process/],
    [dir.at("f"), dir.at("p"), /Cannot (copy|move) to ".*": it is a FIFO\. .*--null/],
    [dir.at("f"), dir.at("to-p"), /it is a FIFO/],
    [dir.at("f"), dir.at("s"), /it is a socket/],
    [dir.at("f"), dir.at("d"), /it is a FIFO/],
    [dir.at("f"), "/dev/null", /it is a device/],
    [dir.at("f"), "/dev/stdout", /it is an open file of a process|it is a FIFO/],
  ];
  for (const verb of ["copy", "move"]) {
    for (const [source, destination, says] of refused) {
      const result = await blit([verb, source, destination], { unmeasured: true });
      assertExit(result, 64);
      assertSays(result, says);
      assert(result.stderr.trim().split("\n").length <= 2, result.stderr);
    }
    assertUntouched(before, await dir.snapshot(), verb);
  }
  assertEquals((await Deno.lstat("/dev/null")).isCharDevice, true);
  // A symlink to one is a symlink, and in a tree they are what they are.
  assertExit(await blit(["copy", dir.at("to-p"), dir.at("links/")]), 0);
  assertExit(await blit(["copy", dir.at("d"), dir.at("trees/")]), 0);
  assertEquals([await Deno.readLink(dir.at("links/to-p")), (await Deno.lstat(dir.at("trees/d/f"))).isFifo], [
    "p",
    true,
  ]);
});

for (const way of directions) {
  testNeeding([linux], `${way.name}: a FIFO is neither read nor replaced by name`, async () => {
    await using scene = await Scene.open(way);
    const { dir } = scene;
    await dir.make(".", ["fifo p", "file f 5 1", "dir d", "fifo d/f"]);
    const before = await dir.snapshot();
    for (const [source, destination] of [["p", "new"], ["f", "p"], ["f", "d"]]) {
      const result = await scene.run("copy", source, destination);
      assertExit(result, 64);
      assertSays(result, /it is a FIFO/);
    }
    assertUntouched(before, await dir.snapshot(), "the tree");
    assertEquals(temporaryNames(before), []);
  });
}
