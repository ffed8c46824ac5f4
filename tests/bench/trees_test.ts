/** The C programs that make and compare trees; they need a compiler, as the bench does. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { keepsAll } from "../../bench/contender.ts";
import { BenchError } from "../../bench/failure.ts";
import { makeTree } from "../../bench/generate.ts";
import type { Entry } from "../../bench/manifest.ts";
import { compareTrees } from "../../bench/row.ts";
import { beforeChange, changedBack, smallFiles, sourceTree, sparseFile } from "../../bench/shapes.ts";
import { command, linux, testNeeding } from "../support/needs.ts";

const needs = [linux, command("cc")];

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "blit-bench-test-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

testNeeding(needs, "two trees of one list are equal to the last byte, mode and nanosecond", async () => {
  await inDirectory(async (directory) => {
    // 1400 files: enough for a symbolic link.
    await makeTree(`${directory}/a`, sourceTree(1400));
    await makeTree(`${directory}/b`, sourceTree(1400));
    const { differences, first } = await compareTrees(`${directory}/a`, `${directory}/b`, keepsAll);
    assertEquals([differences, first], [0, ""]);
  });
});

testNeeding(needs, "a tree has the sizes, modes and times that its list says", async () => {
  await inDirectory(async (directory) => {
    const entries = [...sourceTree(100)];
    await makeTree(`${directory}/a`, entries);
    for (const entry of entries) {
      const info = await Deno.lstat(`${directory}/a/${entry.path}`);
      assertEquals(info.mtime?.getTime(), Number(entry.mtimeNs / 1_000_000n), entry.path);
      if (entry.kind === "file") assertEquals([info.size, info.mode! & 0o777], [entry.size, entry.mode], entry.path);
    }
  });
});

testNeeding(needs, "the comparison sees content, size, mode, time, link target, missing and extra", async () => {
  const changes: [string, (root: string) => Promise<void>][] = [
    ["file: content", async (root) => {
      const { mtime } = await Deno.stat(`${root}/file`);
      await Deno.writeTextFile(`${root}/file`, "B".repeat(100));
      await Deno.utime(`${root}/file`, mtime!, mtime!);
    }],
    ["file: size", async (root) => {
      const { mtime } = await Deno.stat(`${root}/file`);
      await Deno.truncate(`${root}/file`, 99);
      await Deno.utime(`${root}/file`, mtime!, mtime!);
    }],
    ["file: mode", (root) => Deno.chmod(`${root}/file`, 0o600)],
    ["file: time", (root) => Deno.utime(`${root}/file`, 5, 5)],
    ["dir/: time", (root) => Deno.utime(`${root}/dir`, 5, 5)],
    ["link: target", async (root) => {
      await Deno.remove(`${root}/link`);
      await makeTree(root, [{ kind: "link", path: "link", target: "other", mtimeNs: 9n }]);
    }],
    ["file: missing", (root) => Deno.remove(`${root}/file`)],
    ["new: extra", (root) => Deno.writeTextFile(`${root}/new`, "")],
  ];
  const entries: Entry[] = [
    { kind: "dir", path: "dir", mode: 0o755, mtimeNs: 3_000_000_001n },
    { kind: "file", path: "file", mode: 0o644, mtimeNs: 4_000_000_000n, size: 100, seed: 1 },
    { kind: "link", path: "link", target: "file", mtimeNs: 9n },
  ];
  await inDirectory(async (directory) => {
    await makeTree(`${directory}/a`, entries);
    for (const [index, [expected, change]] of changes.entries()) {
      await makeTree(`${directory}/b${index}`, entries);
      await change(`${directory}/b${index}`);
      const { differences, first } = await compareTrees(`${directory}/a`, `${directory}/b${index}`, keepsAll);
      assertEquals([differences, first], [1, expected]);
    }
  });
});

testNeeding(needs, "what a tool does not keep is not held against it", async () => {
  await inDirectory(async (directory) => {
    const file = { kind: "file", path: "file", mode: 0o644, mtimeNs: 4_000_000_001n, size: 10, seed: 1 } as const;
    await makeTree(`${directory}/a`, [file]);
    await makeTree(`${directory}/b`, [{ ...file, mode: 0o600, mtimeNs: 4_000_000_000n }]);
    const compare = (keeps: typeof keepsAll) => compareTrees(`${directory}/a`, `${directory}/b`, keeps);
    assertEquals((await compare({ times: "seconds", modes: false, directoryTimes: false })).differences, 0);
    assertEquals((await compare({ times: "seconds", modes: true, directoryTimes: true })).first, "file: mode");
    assertEquals((await compare({ times: "nanoseconds", modes: false, directoryTimes: true })).first, "file: time");
    assertEquals((await compare({ times: "none", modes: false, directoryTimes: true })).differences, 0);
  });
});

testNeeding(needs, "a sparse file equals its full copy, and the comparison tells what each occupies", async () => {
  await inDirectory(async (directory) => {
    const MiB = 2 ** 20;
    await makeTree(`${directory}/a`, sparseFile("image", 64 * MiB, 64 * 1024, 8 * MiB));
    await Deno.mkdir(`${directory}/b`);
    const copy = new Deno.Command("cp", {
      args: ["-a", "--sparse=never", "--reflink=never", `${directory}/a/image`, `${directory}/b/`],
    });
    assertEquals((await copy.output()).success, true);
    const result = await compareTrees(`${directory}/a`, `${directory}/b`, keepsAll);
    assertEquals([result.differences, result.destination_bytes >= 64 * MiB], [0, true]);
    assertEquals(result.source_bytes <= 2 * MiB, true);
  });
});

testNeeding(needs, "a tree brought up to date goes back to the state before the change", async () => {
  await inDirectory(async (directory) => {
    await makeTree(`${directory}/old`, beforeChange(smallFiles(300), 100));
    await makeTree(`${directory}/reset`, smallFiles(300));
    assertEquals((await compareTrees(`${directory}/old`, `${directory}/reset`, keepsAll)).differences > 0, true);
    await makeTree(`${directory}/reset`, changedBack(smallFiles(300), 100));
    assertEquals((await compareTrees(`${directory}/old`, `${directory}/reset`, keepsAll)).differences, 0);
  });
});

testNeeding(needs, "a tree that cannot be made is an error that names the path", async () => {
  await inDirectory(async (directory) => {
    const orphan: Entry = { kind: "dir", path: "no/such/parent", mode: 0o755, mtimeNs: 0n };
    const error = await assertRejects(() => makeTree(`${directory}/a`, [orphan]), BenchError);
    assertStringIncludes(error.message, "no/such/parent");
  });
});
