/** --stats: figures at the end, and on a terminal a block below the live line that leaves nothing behind. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, fail } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, testNeeding } from "../support/needs.ts";
import { blit, blitOnTerminal } from "../support/program.ts";
import { shownOn } from "../support/screen.ts";

const needs = [linux, command("cc")];

/** 2 MB; at 600 KiB a second that takes about 3 s. */
const files = Array.from({ length: 40 }, (_, i) => `file f${i} 50000 ${i}`);
const slowly = ["--bwlimit", "600K"];

testNeeding(
  [...needs, fileSystem("ext4")],
  "on a terminal disk and waiting stand below the live line, and nothing of it remains",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("ext4");
    await dir.make("src", files);
    const args = ["copy", "--stats", ...slowly, dir.at("src/"), `${mount.path}/dst`];
    const terminal = await blitOnTerminal(args, { columns: 100, rows: 24 });
    const result = await terminal.result;
    assertExit(result, 0);
    const disk = /disk {5}loop\d+ read \S+ \S+, written \S+ \S+, \d+ in flight\r\n/;
    const waiting = /waiting {2}source \d+ %, destination \d+ %, planner \d+ %/;
    for (const line of [disk, waiting]) if (!line.test(result.stdout)) fail(result, `nothing matches ${line}`);
    const remains = shownOn(100, result.stdout);
    assert(/^Copied 40 files/.test(remains[0]), remains.join("\n"));
    assertEquals(remains.filter((line) => /in flight|waiting {2}|copying/.test(line)), []);
    assert(remains.some((line) => /^Disk loop\d+: +read/.test(line)), remains.join("\n"));
  },
);

testNeeding(needs, "changes that are listed while the block stands are all seen, in order", async () => {
  await using dir = await testDirectory();
  await dir.make("src", files);
  const args = ["copy", "-v", "--stats", ...slowly, dir.at("src/"), dir.at("dst")];
  const result = await (await blitOnTerminal(args, { columns: 100, rows: 24 }, { NO_COLOR: "1" })).result;
  assertExit(result, 0);
  const remains = shownOn(100, result.stdout);
  assertEquals(remains.filter((line) => /^\+ f\d+$/.test(line)).length, 40, remains.join("\n"));
  assertEquals(remains.filter((line) => /in flight|waiting {2}|copying/.test(line)), []);
});

testNeeding(needs, "elsewhere --stats adds figures to the summary and nothing else", async () => {
  await using dir = await testDirectory();
  await dir.make("src", files);
  const result = await blit(["copy", "--stats", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertEquals(result.stderr, "");
  for (const name of ["Route", "Planning", "Workers", "Waiting for", "Stalls", "Files per second"]) {
    if (!new RegExp(`^${name}: +\\S`, "m").test(result.stdout)) fail(result, `no ${name}`);
  }
});
