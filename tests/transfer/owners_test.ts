/** Owners and groups that a destination does not take: everything else is there, a later run finds nothing to do. */

import { assertEquals } from "@std/assert";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary, assertUntouched } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { command, fileSystem, linux, type Need, root, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult, type RunOptions, UNPRIVILEGED_ID } from "../support/program.ts";

const needs: Need[] = [linux, root, command("setpriv")];
const cannot = "the destination cannot keep the owners or groups of some entries";
const withheld = "set-user-id and set-group-id bits are left out where the owner or the group could not be kept";

const withoutChown = ["capsh", "--drop=cap_chown", "--", "-c", 'exec "$0" "$@"'];
/** A container's root: nobody but it exists there. */
const inUserNamespace = ["unshare", "--user", "--map-root-user"];

/** A tree of somebody else's, with a file of each size, special files, and directories, readable for everybody. */
async function foreignTree(dir: TestDirectory): Promise<void> {
  await dir.make("src", [
    "dir sub",
    "file sub/small 10 1",
    "file large 20000000 2",
    "symlink link sub/small",
    "fifo pipe",
    "file program 5 3",
    "file grouped 5 4",
    "dir shared",
    ...["sub", "sub/small", "large", "link", "pipe", "program", "grouped", "shared", "."].map((name) =>
      `owner ${name} 1234 5678`
    ),
    "mode sub/small 644",
    "mode large 604",
    "mode program 4755",
    "mode grouped 2755",
    "mode shared 2775",
    ...["sub/small", "large", "link", "pipe", "program", "grouped", "sub", "shared", "."].map((name, i) =>
      `time ${name} ${1_000_000_000 + i} ${i + 1}`
    ),
  ]);
  await Deno.chmod(dir.path, 0o755);
}

/** Mode, name, time, link target, kind and owner of everything below. */
async function facts(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("find", {
    args: [".", "-printf", "%P %y %m %T@ %l %U:%G\\n"],
    cwd: path,
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n").sort();
}

/** What is to be there of the foreign tree where all entries belong to that user and group. */
function asOwnedBy(found: readonly string[], owner: string): string[] {
  const plain: Record<string, string> = { "4755": "755", "2755": "755", "2775": "775" };
  return found.map((line) =>
    line.replace(/ (4755|2755|2775) /, (_, mode) => ` ${plain[mode]} `).replace("1234:5678", owner)
  );
}

async function assertArrives(
  run: () => Promise<JsonResult>,
  dir: TestDirectory,
  target: TestDirectory,
  expected: { readonly owner: string; readonly notices: readonly string[] },
): Promise<void> {
  const first = await run();
  assertExit(first, 0);
  assertEquals([...first.summary.notices].sort(), [...expected.notices].sort());
  assertEquals(await facts(target.at("dst")), asOwnedBy(await facts(dir.at("src")), expected.owner));
  const before = await target.snapshot("dst");
  const second = await run();
  assertExit(second, 0);
  assertSummary(second, { files_copied: 0, files_metadata_only: 0, bytes_copied: 0 });
  assertUntouched(before, await target.snapshot("dst"), "an equal copy");
}

for (
  const [name, wrapper, extra] of [
    ["root that may not give files away", withoutChown, [command("capsh")]],
    ["root of a user namespace", inUserNamespace, [command("unshare")]],
  ] as const
) {
  testNeeding(
    [...needs, ...extra],
    `${name} copies everything but the owners, says so once, and is done with it`,
    async () => {
      await using dir = await testDirectory();
      await foreignTree(dir);
      const run = () => blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"], { wrapper });
      // In the namespace the source's owners have no number either.
      await assertArrives(run, dir, dir, { owner: "0:0", notices: [cannot, withheld] });
      assertExit(await blitJson(["check", "--checksum", dir.at("src/"), dir.at("dst")], { wrapper }), 0);
      const dry = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--dry-run"], { wrapper });
      assertSummary(dry, { files_copied: 0 });
    },
  );

  testNeeding([...needs, ...extra], `a daemon of ${name} does the same for what is pushed`, async () => {
    await using dir = await testDirectory();
    await foreignTree(dir);
    await dir.write({ "module": null });
    await using daemon = await startDaemon(dir, { root: "module", wrapper, args: ["--privileged"] });
    await using target = await testDirectory(dir.at("module"));
    const destination = daemon.place(`default/${target.path.slice(dir.at("module/").length)}/dst`);
    const run = () => blitJson(["mirror", dir.at("src/"), destination, "--yes"]);
    await assertArrives(run, dir, target, { owner: "0:0", notices: [cannot, withheld] });
  });
}

const unprivileged: RunOptions = { unprivileged: true };
const me = `${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID}`;

testNeeding(
  [...needs, command("cc")],
  "an ordinary user's copy of somebody's program does not run as that user",
  async () => {
    await using dir = await testDirectory();
    await foreignTree(dir);
    await dir.write({ "mine": null });
    await Deno.chown(dir.at("mine"), UNPRIVILEGED_ID, UNPRIVILEGED_ID);
    await using target = await testDirectory(dir.at("mine"));
    await Deno.chown(target.path, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
    const run = () => blitJson(["copy", dir.at("src/"), target.at("dst")], unprivileged);
    await assertArrives(run, dir, target, { owner: me, notices: [withheld] });
  },
);

testNeeding(needs, "what an earlier run left with a set-user-id bit of its own user loses it", async () => {
  await using dir = await testDirectory();
  await foreignTree(dir);
  await dir.write({ "mine": null });
  assertExit(await blitJson(["copy", dir.at("src/"), dir.at("mine/dst")]), 0);
  await new Deno.Command("chown", { args: ["-Rh", me, dir.at("mine")] }).output();
  await Deno.chmod(dir.at("mine/dst/program"), 0o4755);
  const result = await blitJson(["copy", dir.at("src/"), dir.at("mine/dst")], unprivileged);
  assertExit(result, 0);
  assertEquals((await Deno.stat(dir.at("mine/dst/program"))).mode! & 0o7777, 0o755);
});

testNeeding(needs, "one's own set-user-id and set-group-id bits are kept", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file program 5 1", "dir shared"]);
  await dir.giveAway();
  await dir.make("src", ["mode program 6755", "mode shared 2775"]);
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], unprivileged);
  assertExit(result, 0);
  assertSummary(result, { notices: [] });
  assertEquals((await Deno.stat(dir.at("dst/program"))).mode! & 0o7777, 0o6755);
  assertEquals((await Deno.stat(dir.at("dst/shared"))).mode! & 0o7777, 0o2775);
});

testNeeding([...needs, command("cc")], "a program pushed into a user's daemon does not run as that user", async () => {
  await using dir = await testDirectory();
  await foreignTree(dir);
  await dir.write({ "module/t": null });
  await new Deno.Command("chown", { args: ["-R", me, dir.at("module")] }).output();
  await using daemon: TestDaemon = await startDaemon(dir, {
    root: "module",
    unprivileged: true,
    args: ["--privileged"],
  });
  await using target = await testDirectory(dir.at("module/t"));
  await Deno.chown(target.path, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const destination = daemon.place(`default/t/${target.path.slice(dir.at("module/t/").length)}/dst`);
  await assertArrives(() => blitJson(["copy", dir.at("src/"), destination]), dir, target, {
    owner: me,
    notices: [withheld],
  });
});

testNeeding(
  [...needs, fileSystem("xfs")],
  "a file that only its attributes keep from being given away is named, and its content is there",
  async () => {
    await using mount = await mountNew("xfs");
    await using dir = await testDirectory(mount.path);
    await dir.write({ "src/a": "A", "src/b": "B" });
    assertExit(await blitJson(["copy", dir.at("src/"), dir.at("dst")]), 0);
    await Deno.chown(dir.at("src/a"), 5, 6);
    await Deno.chown(dir.at("src/b"), 5, 6);
    await new Deno.Command("chattr", { args: ["+i", dir.at("dst/a")] }).output();
    try {
      const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
      assertExit(result, 2);
      assertEquals(result.summary.failures, [{
        path: "a",
        code: "EPERM",
        message: "Cannot set the owner: operation not permitted",
      }]);
      assertSummary(result, { notices: [], files_copied: 1 });
      assertEquals((await Deno.stat(dir.at("dst/b"))).uid, 5);
    } finally {
      await new Deno.Command("chattr", { args: ["-i", dir.at("dst/a")] }).output();
    }
  },
);
