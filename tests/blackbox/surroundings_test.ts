/** Surroundings that programs forget: low limits, umask, coarse times, inherited ACLs, two runs at once, mounts inside a tree. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, testDirectory } from "../support/environment.ts";
import {
  assertExit,
  assertNoDifferences,
  assertSays,
  assertSummary,
  assertUntouched,
  failureOf,
} from "../support/expect.ts";
import { fixture, supportedMetadata } from "../support/fixture.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, root, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson, pause, startBlit } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";
import { assertNothingTorn } from "../support/torn.ts";
import { everyKind, randomTree } from "../support/tree.ts";

const needs = [linux, command("cc"), command("rsync")];

/** Runs the program under shell settings such as "umask 077". */
function under(setting: string): { wrapper: string[] } {
  return { wrapper: ["sh", "-c", `${setting} && exec "$@"`, "sh"] };
}

for (const umask of ["077", "0777", "0"]) {
  // Nobody but root can enter a directory that such an umask made.
  testNeeding(
    [...needs, ...umask === "0777" ? [root] : []],
    `the umask ${umask} does not reach what is copied`,
    async () => {
      await using dir = await testDirectory();
      await dir.make("src", randomTree(21, 200, await supportedMetadata(dir.path)).lines());
      assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], under(`umask ${umask}`)), 0);
      await assertFaithful(dir.at("src"), dir.at("dst"));
    },
  );
}

testNeeding(needs, "few file descriptors suffice for deep and wide trees", async () => {
  await using dir = await testDirectory();
  await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], under("ulimit -n 100")), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"));
  assertExit(await blit(["check", "--checksum", dir.at("src/"), dir.at("dst")], under("ulimit -n 100")), 0);
});

testNeeding([...needs, command("prlimit")], "a file above the limit of file sizes fails alone", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file large 30000000 1", "file medium 12000000 2", "file small 100 3"]);
  // The runtime's own caches, which it opens before anything of blit runs, have to fit: they grow to 4 MiB.
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], {
    wrapper: ["prlimit", `--fsize=${10_000_000}`],
  });
  assertExit(result, 2);
  for (const name of ["large", "medium"]) assertEquals(failureOf(result, name).code, "EFBIG");
  const copy = await dir.snapshot("dst");
  assertEquals(copy.get("small")?.hash, (await dir.snapshot("src")).get("small")?.hash);
  assertEquals(temporaryNames(copy), []);
});

testNeeding(
  [...needs, fileSystem("ext4")],
  "where the destination keeps whole seconds only, an equal file is not copied again",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("ext4", { make: "-I 128" });
    await dir.make("src", [
      ...["dir d", "file a 100 1", "file d/b 100 2", "symlink l x", "fifo p"],
      ...["a", "d/b", "l", "p", "d", "."].map((name) => `time ${name} 1000000000 123456789`),
    ]);
    assertExit(await blit(["copy", dir.at("src/"), `${mount.path}/dst`]), 0);
    assertSummary(await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]), { bytes_copied: 0, files_failed: 0 });
    await dir.make("src", ["time a 1000000001 0"]);
    assertSummary(await blitJson(["copy", dir.at("src/"), `${mount.path}/dst`]), { bytes_copied: 100 });
  },
);

testNeeding(
  [...needs, command("setfacl")],
  "ACLs that the destination's directories would pass on do not reach the copy",
  async () => {
    await using dir = await testDirectory();
    await dir.make("src", randomTree(22, 150, await supportedMetadata(dir.path)).lines());
    await dir.make("src", ["dir present", "file present/a 10 1"]);
    await dir.write({ "dst/present": null });
    const acl = ["-d", "-m", "u:1234:rwx,g:5678:rw,m:rwx", dir.at("dst"), dir.at("dst/present")];
    assertEquals((await new Deno.Command("setfacl", { args: acl }).output()).success, true);
    assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
    await assertFaithful(dir.at("src"), dir.at("dst"));
  },
);

testNeeding(needs, "attributes and ACLs that only the destination's entries have are taken away", async () => {
  await using dir = await testDirectory();
  const base = ["file a 10 1", "dir d", "file d/b 20 2", "symlink l a", "time a 1000000000 0", "time d/b 1000000000 0"];
  await dir.make("src", [...base, "time l 1000000000 0", "time d 1000000000 0"]);
  await dir.make("dst", [...base, "attribute a user.x 31", "attribute d user.y 32", "attribute d/b user.z 33"]);
  if ((await supportedMetadata(dir.path)).has("trusted")) await dir.make("dst", ["attribute l trusted.w 34"]);
  await dir.make("dst", ["time l 1000000000 0", "time d 1000000000 0"]);
  const result = await blitJson(["mirror", "--yes", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertSummary(result, { bytes_copied: 0 });
  await assertFaithful(dir.at("src"), dir.at("dst"));
});

testNeeding(
  [...needs, fileSystem("tmpfs")],
  "files of different file systems below the source are not taken for hard links of each other",
  async () => {
    await using dir = await testDirectory();
    await using first = await mountNew("tmpfs");
    await using second = await mountNew("tmpfs");
    for (const [i, mount] of [first, second].entries()) {
      await Deno.mkdir(`${mount.path}/in`);
      const files = Array.from({ length: 20 }, (_, j) => [`file f${j} ${100 + j} ${i * 100 + j}`, `link g${j} f${j}`])
        .flat();
      await fixture(["make", `${mount.path}/in`], files.join("\n") + "\n");
    }
    await dir.write({ "src/a": null, "src/b": null });
    const bind = async (...args: string[]) =>
      assertEquals((await new Deno.Command("mount", { args }).output()).success, true);
    await bind("--bind", `${first.path}/in`, dir.at("src/a"));
    try {
      await bind("--bind", `${second.path}/in`, dir.at("src/b"));
      try {
        assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
        await assertFaithful(dir.at("src"), dir.at("dst"));
      } finally {
        await new Deno.Command("umount", { args: [dir.at("src/b")] }).output();
      }
    } finally {
      await new Deno.Command("umount", { args: [dir.at("src/a")] }).output();
    }
  },
);

testNeeding(
  [linux, command("cc")],
  "two runs at once into one destination disturb neither content nor each other's temporary files",
  async () => {
    await using dir = await testDirectory();
    const files = Array.from({ length: 40 }, (_, i) => `file f${i} 40000 ${i}`);
    await dir.make("src", [
      ...files,
      "file large 18000000 77",
      "dir d",
      "symlink d/l x",
      "file d/h 10 1",
      "link d/g d/h",
    ]);
    await dir.make("dst", files.map((line) => line.replace(/ \d+$/, " 5000")));
    const old = await dir.snapshot("dst");
    const args = ["mirror", dir.at("src/"), dir.at("dst"), "--yes", "--bwlimit", "20M"];
    const runs = [await startBlit(args), await startBlit(args)];
    await pause(200);
    runs.push(await startBlit(args));
    const results = await Promise.all(runs.map((running) => running.result));
    for (const result of results) assertExit(result, 0, 2);
    assertNothingTorn(old, await dir.snapshot("src"), await dir.snapshot("dst"));
    assertExit(await blit(args), 0);
    await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
  },
);

testNeeding(needs, "what a killed run of another time left is removed, what merely looks alike is not", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a": "A",
    "src/d/b": "B",
    "src/.blit-notes": "mine",
    "dst/.blit-of-mine": "kept",
    "dst/.blit-0000000000000001.tmp": "kept",
    "dst/d": null,
  });
  const stale = [".blit-0000000000000001ad9fd772.tmp", "d/.blit-0000000000000002ac9fd5df.tmp"];
  for (const name of stale) await dir.write({ [`dst/${name}`]: "half a file" });
  const result = await blit(["copy", "-v", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  for (const place of [".", "d"]) assertSays(result, new RegExp(`Removed from "${place}": 1 temporary file of runs`));
  assertEquals(await dir.names("dst"), [".blit-0000000000000001.tmp", ".blit-notes", ".blit-of-mine", "a", "d", "d/b"]);
});

testNeeding([linux, root], "special files in a tree are made, not read", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["fifo pipe", "socket sock", "char zero 1 5"]);
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst/")]), 0);
  assertNoDifferences(
    differences(await dir.snapshot("src"), await dir.snapshot("dst"), { rootEntry: false }),
    "the copy",
  );
});

testNeeding([linux], "files that do not tell their size are copied whole or named, never taken for empty", async () => {
  await using dir = await testDirectory();
  const result = await blit(["copy", "/proc/version", "/proc/filesystems", dir.at("dst/")]);
  for (const name of ["version", "filesystems"]) {
    const copied = await dir.exists(`dst/${name}`) ? await dir.read(`dst/${name}`) : undefined;
    const same = copied === await Deno.readTextFile(`/proc/${name}`);
    assert(same || (result.code === 2 && result.stderr.includes(name)), `${name} became ${JSON.stringify(copied)}`);
  }
});

testNeeding(
  [linux, command("cc")],
  "symlink targets of 4095 bytes and attributes of 60,000 bytes are kept",
  async () => {
    await using dir = await testDirectory();
    const value = "61".repeat(60_000);
    await dir.make("src", [`symlink long ${"t".repeat(4095)}`, "file a 10 1"]);
    const large = await fixture(["make", dir.at("src")], `attribute a user.large ${value}\n`).then(
      () => true,
      () => false,
    );
    assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")]), 0);
    assertNoDifferences(
      differences(await dir.snapshot("src"), await dir.snapshot("dst")),
      `the copy (${large ? "with" : "without"} the attribute)`,
    );
  },
);

Deno.test("missing parents of the destination are made", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "file": "F" });
  assertExit(await blit(["copy", dir.at("src/"), dir.at("x/y/z")]), 0);
  assertExit(await blit(["copy", dir.at("file"), dir.at("p/q/")]), 0);
  assertEquals(await dir.names("x"), ["y", "y/z", "y/z/a"]);
  assertEquals(await dir.names("p"), ["q", "q/file"]);
});

Deno.test("a destination that is a dangling symlink is refused, and its target is not made", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "link": { to: "nowhere" } });
  const before = await dir.snapshot();
  const result = await blit(["copy", dir.at("src/"), dir.at("link")]);
  assertExit(result, 1, 64);
  assertSays(result, /link/);
  assertUntouched(before, await dir.snapshot(), "the directory");
});
