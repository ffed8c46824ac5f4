/** --one-file-system: what is mounted inside a source, or inside a destination, is left alone. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertSaysOnce, assertSummary } from "../support/expect.ts";
import { type Mount, mountBind, mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, mounting, type Need, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type RunOptions } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";

const needs = [linux, mounting];
const bare: Need = { missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined };

/** Two directories with a file system mounted in each, and files on all of them. */
async function mountedTree(dir: TestDirectory): Promise<AsyncDisposableStack> {
  const mounts = new AsyncDisposableStack();
  await dir.write({ "src/a": "A", "src/d/mnt": null, "src/d/b": "B", "dst/d/mnt/old": "O", "dst/shared": null });
  await dir.write({ "src/shared/c": "C", "dst/extra/mnt": null, "dst/extra/e": "E", "dst/gone/g": "G" });
  for (const at of ["src/d/mnt", "dst/shared", "dst/extra/mnt"]) {
    mounts.use(await mountNew("tmpfs", { mib: 4, at: dir.at(at) }));
  }
  await dir.write({ "src/d/mnt/inside": "I", "dst/shared/other": "S", "dst/extra/mnt/kept": "K" });
  return mounts;
}

for (
  const [way, options] of [["", {}], ["without the native library ", { withoutShim: true }]] as [string, RunOptions][]
) {
  const all = options.withoutShim ? [...needs, bare] : needs;
  testNeeding(
    all,
    `${way}a mirror with -x copies a mount point empty and deletes nothing on another file system`,
    async () => {
      await using dir = await testDirectory();
      await using _mounts = await mountedTree(dir);
      const words = ["mirror", "-x", "--yes", dir.at("src/"), dir.at("dst")];
      const planned = await blitJson([...words, "--dry-run"], options);
      const result = await blitJson(words, options);
      assertExit(result, 0);
      assert(result.summary.notices.some((notice: string) => notice.includes("left a mount point alone")));
      const { files_deleted, directories_deleted, files_copied } = result.summary;
      assertSummary(planned, { files_deleted, directories_deleted, files_copied });
      assertEquals(await dir.names("dst"), [
        ...[
          "a",
          "d",
          "d/b",
          "d/mnt",
          "d/mnt/old",
          "extra",
          "extra/mnt",
          "extra/mnt/kept",
          "shared",
          "shared/c",
          "shared/other",
        ],
      ]);
      assertEquals(await dir.read("src/d/mnt/inside"), "I");
      assertExit(await blit(["check", "-x", dir.at("src/"), dir.at("dst")], options), 0);
      assertExit(await blit(["check", dir.at("src/"), dir.at("dst")], options), 2);
    },
  );

  testNeeding(
    all,
    `${way}a move with -x takes everything but what is mounted, and removes no mount point`,
    async () => {
      await using dir = await testDirectory();
      await using _mounts = await mountedTree(dir);
      const result = await blitJson(["move", "-x", dir.at("src"), dir.at("new/")], options);
      assertExit(result, 0);
      assertSummary(result, { files_failed: 0, files_copied: 3 });
      assertEquals(await dir.names("src"), ["d", "d/mnt", "d/mnt/inside"]);
      assertEquals(await dir.names("new/src"), ["a", "d", "d/b", "d/mnt", "shared", "shared/c"]);
    },
  );
}

testNeeding([...needs, command("rsync")], "-x copies and mirrors what rsync -x does", async () => {
  await using dir = await testDirectory();
  await using _mounts = await mountedTree(dir);
  const rsync = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("rsync", { args: ["-aHAXx", ...args], stdin: "null" }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  for (const name of ["src/d/mnt", "src/d", "src/shared", "src"]) await dir.setTime(name, 1_000_000);
  await rsync(dir.at("src/"), dir.at("rsync"));
  assertExit(await blit(["copy", "-x", dir.at("src/"), dir.at("blit")]), 0);
  assertNoDifferences(differences(await dir.snapshot("rsync"), await dir.snapshot("blit")), "the copy");
  await dir.write({ "rsync/d/mnt/x": "X", "blit/d/mnt/x": "X", "rsync/y": "Y", "blit/y": "Y" });
  await rsync("--delete", dir.at("src/"), dir.at("rsync"));
  assertExit(await blit(["mirror", "-x", "--yes", dir.at("src/"), dir.at("blit")]), 0);
  assertEquals(await dir.names("blit"), await dir.names("rsync"));
});

testNeeding(
  [...needs, fileSystem("btrfs"), command("btrfs")],
  "a move with -x leaves an empty subvolume, which is a file system of its own, where it is",
  async () => {
    await using dir = await testDirectory();
    await using mount = await mountNew("btrfs");
    await Deno.mkdir(`${mount.path}/src`);
    const made = await new Deno.Command("btrfs", { args: ["subvolume", "create", `${mount.path}/src/sub`] }).output();
    assert(made.success);
    await Deno.writeTextFile(`${mount.path}/src/a`, "A");
    assertExit(await blit(["move", "-x", `${mount.path}/src`, dir.at("new/")]), 0);
    assert((await Deno.stat(`${mount.path}/src/sub`)).isDirectory);
    assertEquals(await dir.names("new"), ["src", "src/a", "src/sub"]);
  },
);

testNeeding(needs, "a file system of the kernel inside a source is remarked once, and not with -x", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/proc": null, "src/more/proc": null, "src/a": "A" });
  await using _one = await mountBind("/proc", { at: dir.at("src/proc") });
  await using _two = await mountBind("/proc", { at: dir.at("src/more/proc") });
  const words = ["copy", "--exclude", "proc/*", dir.at("src/")];
  const result = await blit([...words, dir.at("dst")]);
  assertExit(result, 0);
  assertSaysOnce(result, /proc" in the source shows the kernel's state.*--one-file-system/);
  const quiet = await blit([...words, dir.at("other"), "-x"]);
  assertExit(quiet, 0);
  assertEquals(quiet.stderr, "");
});

async function insideTree(dir: TestDirectory): Promise<Mount> {
  await dir.write({ "src/a": "A", "src/mnt/disk": null, "src/mnt/b": "B" });
  return await mountNew("tmpfs", { mib: 16, at: dir.at("src/mnt/disk") });
}

testNeeding(
  needs,
  "a destination inside the source is filled where -x or a filter keeps the scan out of it",
  async () => {
    for (
      const [options, left] of [
        [["-x"], ["a", "mnt", "mnt/b", "mnt/disk"]],
        [["-x", "--exclude", "/mnt/disk"], ["a", "mnt", "mnt/b"]],
        [["--exclude", "/mnt/disk"], ["a", "mnt", "mnt/b"]],
        [["--exclude", "/mnt"], ["a"]],
      ] as const
    ) {
      for (const [verb, name] of [["copy", "new/deep"], ["mirror", ""]]) {
        await using dir = await testDirectory();
        await using _mount = await insideTree(dir);
        const to = dir.at(`src/mnt/disk/${name}`);
        const result = await blit([verb, "--yes", dir.at("src/"), to, ...options], { unmeasured: true });
        assertExit(result, 0);
        assertEquals(await dir.names(`src/mnt/disk/${name}`), [...left]);
      }
    }
  },
);

Deno.test("a destination inside the source is refused where the filters let the scan reach it", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/out/x": "X" });
  const before = await dir.names();
  for (
    const options of [["-x"], ["--exclude", "/out/x"], ["--include", "/out", "--exclude", "/out"], ["--exclude", "*.o"]]
  ) {
    for (const name of ["src/out", "src/out/new"]) {
      const result = await blit(["copy", dir.at("src/"), dir.at(name), ...options], { unmeasured: true });
      assertExit(result, 64);
      assertSaysOnce(result, /the destination is inside the source/);
    }
  }
  assertEquals(await dir.names(), before);
  assertExit(await blit(["copy", dir.at("src"), dir.at("src/out/new"), "--exclude", "/src/out"]), 0);
  assertEquals(await dir.names("src/out/new"), ["src", "src/a"]);
});
