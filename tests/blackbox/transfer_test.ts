/** How the bytes move: limits, syncing, verification, discarding, reflinks, and faults of the medium. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSaysOnce, assertSummary, assertUntouched, failureOf } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson } from "../support/program.ts";

const needs = [linux, command("cc")];

testNeeding(needs, "--bwlimit slows down: many small files and one large one", async () => {
  await using dir = await testDirectory();
  await dir.make("small", Array.from({ length: 40 }, (_, i) => `file f${i} 50000 ${i}`));
  await dir.make("large", ["file f 20000000 1"]);
  for (const [tree, rate] of [["small", "2MB"], ["large", "20MB"]]) {
    const start = performance.now();
    assertExit(await blit(["copy", "--bwlimit", rate, dir.at(`${tree}/`), dir.at(`${tree}-copy`)]), 0);
    // One second's worth; half of it may pass unchecked at the start.
    assert(performance.now() - start > 500, `${tree}: ${performance.now() - start} ms`);
    await assertFaithful(dir.at(tree), dir.at(`${tree}-copy`), { rsync: false });
  }
});

testNeeding(needs, "--null reads everything and writes nothing", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file a 100000 1", "dir d", "file d/b 20000000 2", "symlink l a", "file s 1000000 3 0:1000"]);
  const before = await dir.snapshot();
  for (const args of [[dir.at("src/")], [dir.at("src/"), dir.at("dst")]]) {
    const result = await blitJson(["copy", "--null", ...args]);
    assertExit(result, 0);
    assertSummary(result, { status: "ok", files_failed: 0, bytes_total: 21_100_000 });
    const { discarded, hole } = result.summary.bytes_by_method;
    assertEquals(discarded + hole, 21_100_000);
  }
  assertUntouched(before, await dir.snapshot(), "the tree");
  assertExit(await blit(["mirror", "--null", dir.at("src/"), dir.at("dst"), "--yes"]), 64);
});

testNeeding(
  [...needs, command("strace")],
  "--fsync syncs each file before it takes its name; without it nothing is synced",
  async () => {
    await using dir = await testDirectory();
    await dir.make("src", [
      "file new 1000 1",
      "file replaced 2000 2",
      "dir d",
      "file d/deep 3000 3",
      "file d/large 20000000 4",
    ]);
    const trace = async (target: string, ...options: string[]) => {
      await dir.write({ [`${target}/replaced`]: "old" });
      const calls = "fsync,fdatasync,syncfs,sync_file_range,rename,renameat,renameat2,linkat";
      const wrapper = ["strace", "-f", "-y", "-qq", "-e", `trace=${calls}`, "-o", dir.at(`${target}.trace`)];
      assertExit(await blit(["copy", ...options, dir.at("src/"), dir.at(target)], { wrapper }), 0);
      const lines = (await dir.read(`${target}.trace`)).split("\n").filter((line) => line.includes(dir.at(target)));
      return { syncs: lines.filter((line) => /sync/.test(line)), lines };
    };
    const plain = await trace("plain");
    assertEquals(plain.syncs, []);
    const synced = await trace("synced", "--fsync");
    const wholeSystem = synced.syncs.some((line) => /syncfs/.test(line));
    assert(wholeSystem || synced.syncs.length >= 4, synced.lines.join("\n"));
    const replace = synced.lines.findIndex((line) => /rename.*"replaced"/.test(line));
    assert(replace >= 0, synced.lines.join("\n"));
    assert(
      synced.lines.slice(0, replace).some((line) => /sync/.test(line)),
      "the new file took its name before it was on the medium",
    );
  },
);

testNeeding(
  [...needs, command("strace")],
  "--fsync syncs the directories above a new destination, too",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "there": null });
    const wrapper = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync", "-o", dir.at("trace")];
    const target = dir.at("there/new/newer");
    assertExit(await blit(["copy", "--fsync", dir.at("src/"), target], { wrapper }), 0);
    const trace = await dir.read("trace");
    for (const above of ["there", "there/new"]) assert(trace.includes(`<${dir.at(above)}>`), `${above}\n${trace}`);
  },
);

testNeeding([...needs, fileSystem("xfs")], "a file system that shares extents is asked to", async () => {
  await using mount = await mountNew("xfs");
  await using dir = await testDirectory(mount.path);
  await dir.make("src", ["file large 40000000 1"]);
  const result = await blitJson(["copy", dir.at("src/large"), dir.at("copy")]);
  assertExit(result, 0);
  assertEquals(result.summary.bytes_by_method.reflink, 40_000_000);
  assertEquals((await dir.snapshot()).get("copy")?.hash, (await dir.snapshot("src")).get("large")?.hash);
});

/** src and dst with an old version, each with a healthy and a "bad" directory; faults apply below dst/bad or src/bad. */
async function faultyTree(): Promise<TestDirectory> {
  const dir = await testDirectory();
  const files = [
    "file small 5000 1",
    "file medium 900000 2",
    "file large 18000000 3",
    "file replaced 6000 4",
    "file replaced-large 19000000 5",
  ];
  const below = (name: string) => [`dir ${name}`, ...files.map((line) => line.replace("file ", `file ${name}/`))];
  await dir.make("src", [...below("bad"), ...below("good")]);
  await dir.write({ "dst/bad/replaced": "old", "dst/bad/replaced-large": "old too" });
  return dir;
}

const FILES = ["small", "medium", "large", "replaced", "replaced-large"];

/** Content of dst/bad against src/bad: the names whose content is not the source's. */
async function damaged(dir: TestDirectory): Promise<string[]> {
  const [source, copy] = [await dir.snapshot("src/bad"), await dir.snapshot("dst/bad")];
  return FILES.filter((name) => copy.get(name)?.hash !== source.get(name)?.hash);
}

testNeeding(needs, "without --verify a lying medium goes unnoticed (so the next test shows something)", async () => {
  await using dir = await faultyTree();
  assertExit(
    await blit(["copy", dir.at("src/"), dir.at("dst")], { fault: { kind: "corrupt", below: dir.at("dst/bad") } }),
    0,
  );
  assertEquals(await damaged(dir), FILES);
});

testNeeding(needs, "--verify notices what a lying medium stored, keeps old files and copies the others", async () => {
  await using dir = await faultyTree();
  const result = await blitJson(["copy", "--verify", dir.at("src/"), dir.at("dst")], {
    fault: { kind: "corrupt", below: dir.at("dst/bad") },
  });
  assertExit(result, 2);
  for (const name of FILES) assertEquals(failureOf(result, `bad/${name}`).code, "verify_mismatch");
  assertEquals([await dir.read("dst/bad/replaced"), await dir.read("dst/bad/replaced-large")], ["old", "old too"]);
  const [source, copy] = [await dir.snapshot("src"), await dir.snapshot("dst")];
  for (const name of FILES) {
    const [wanted, made] = [source.get(`bad/${name}`)!, copy.get(`bad/${name}`)];
    assert(
      made === undefined || made.mtimeNs !== wanted.mtimeNs || made.size !== wanted.size,
      `bad/${name} looks finished`,
    );
    assertEquals(copy.get(`good/${name}`)?.hash, source.get(`good/${name}`)?.hash);
  }
  assertEquals(temporaryNames(copy), []);
  assertExit(await blit(["copy", "--verify", dir.at("src/"), dir.at("dst")]), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
});

for (const kind of ["short", "interrupt"]) {
  for (const side of ["src", "dst"]) {
    testNeeding(
      needs,
      `${kind === "short" ? "short" : "interrupted"} reads and writes in ${side} are continued`,
      async () => {
        await using dir = await faultyTree();
        assertExit(
          await blit(["copy", dir.at("src/"), dir.at("dst")], { fault: { kind, below: dir.at(`${side}/bad`) } }),
          0,
        );
        await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
      },
    );
  }
}

const FAULTS: Record<string, { side: string; code: string; options: string[] }> = {
  unreadable: { side: "src", code: "EIO", options: [] },
  full: { side: "dst", code: "ENOSPC", options: [] },
  close: { side: "dst", code: "EIO", options: [] },
  sync: { side: "dst", code: "EIO", options: ["--fsync"] },
};

for (const [kind, { side, code, options }] of Object.entries(FAULTS)) {
  testNeeding(
    needs,
    `a medium that fails (${kind}): each file is named, old ones stay, the others are copied, a rerun heals`,
    async () => {
      await using dir = await faultyTree();
      const args = ["copy", dir.at("src/"), dir.at("dst")];
      const result = await blitJson([...args, ...options], { fault: { kind, below: dir.at(`${side}/bad`) } });
      assertExit(result, 2);
      for (const name of FILES) assertEquals(failureOf(result, `bad/${name}`).code, code, name);
      assertSaysOnce(result, /bad\/small: /);
      assertEquals([await dir.read("dst/bad/replaced"), await dir.read("dst/bad/replaced-large")], ["old", "old too"]);
      const [source, copy] = [await dir.snapshot("src"), await dir.snapshot("dst")];
      for (const name of FILES) assertEquals(copy.get(`good/${name}`)?.hash, source.get(`good/${name}`)?.hash);
      assertEquals(temporaryNames(copy), []);
      assertExit(await blit(args), 0);
      await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
    },
  );
}

testNeeding(needs, "a move from an unreadable medium removes only what arrived", async () => {
  await using dir = await faultyTree();
  const result = await blitJson(["move", dir.at("src/"), dir.at("dst")], {
    fault: { kind: "full", below: dir.at("dst/bad") },
  });
  // On one file system a move may rename instead of writing; either way nothing is lost.
  assertExit(result, 0, 2);
  for (const name of FILES) {
    const [left, arrived] = [await dir.exists(`src/bad/${name}`), (await dir.snapshot("dst/bad")).get(name)];
    assert(left || arrived !== undefined && arrived.size > 100, `bad/${name} is lost`);
  }
});

testNeeding(needs, "--workers limits the threads and says so", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  const result = await blit(["copy", "--workers", "1", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertSaysOnce(result, /\[DEBUG\] Worker limiter active/);
});
