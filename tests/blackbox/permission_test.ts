/** An ordinary user: what cannot be read, written or owned. As root, the program runs as another user for these. */

import { assert, assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertNoDifferences, assertSaysOnce, assertSummary, failureOf } from "../support/expect.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { command, isRoot, linux, root, testNeeding } from "../support/needs.ts";
import { assertFaithful } from "../support/oracle.ts";
import { blit, blitJson } from "../support/program.ts";
import { differences } from "../support/snapshot.ts";
import { everyKind } from "../support/tree.ts";

const needs = [linux, command("cc"), ...isRoot ? [command("setpriv")] : []];
const unprivileged = { unprivileged: true };

testNeeding(needs, "an unreadable file is named, the others are copied", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/secret": "S", "src/z/b": "B" });
  await dir.giveAway();
  await Deno.chmod(dir.at("src/secret"), 0);
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], unprivileged);
  assertExit(result, 2);
  assertSummary(result, { status: "partial", files_total: 3, files_copied: 2, files_failed: 1, failures_total: 1 });
  assertEquals(failureOf(result, "secret").code, "EACCES");
  assertSaysOnce(result, /secret.*permission denied/i);
  assertEquals(await dir.names("dst"), ["a", "z", "z/b"]);
});

for (const how of ["locally", "in a dry run", "pushed"]) {
  testNeeding(needs, `${how}: a source or destination that cannot be opened is named`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "closed/a": "A", "open/a": "A", "mod": null });
    await dir.giveAway();
    await Deno.chmod(dir.at("closed"), 0);
    await using daemon = await startDaemon(dir, { root: "mod", unprivileged: true });
    const copy = (source: string, destination: string) => {
      const words = ["copy", ...how === "in a dry run" ? ["--dry-run"] : [], dir.at(source), destination];
      return blit(words, unprivileged);
    };
    for (const source of ["closed", "closed/"]) {
      const result = await copy(source, how === "pushed" ? daemon.place("default/to/") : dir.at("to/"));
      assertExit(result, 1);
      assertEquals(lastLine(result.stderr), `blit: Cannot open the source "${dir.at("closed")}": permission denied`);
    }
    if (how === "pushed") return;
    for (const [mode, step] of [[0, "enter"], [0o300, "open the destination"]] as const) {
      await Deno.chmod(dir.at("closed"), mode);
      const result = await copy("open/", dir.at("closed"));
      assertExit(result, 1);
      assertEquals(lastLine(result.stderr), `blit: Cannot ${step} "${dir.at("closed")}": permission denied`);
    }
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)!;
}

testNeeding(
  needs,
  "an unreadable directory is named, the others are copied, and a mirror deletes nothing at all",
  async () => {
    await using dir = await testDirectory();
    await dir.write({
      "src/a": "A",
      "src/closed/x": "X",
      "src/z/b": "B",
      "dst/closed/x": "X",
      "dst/closed/old": "O",
      "dst/extra": "E",
    });
    await dir.giveAway();
    await Deno.chmod(dir.at("src/closed"), 0);
    const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"], unprivileged);
    assertExit(result, 2);
    assertSummary(result, { status: "partial", files_deleted: 0, directories_deleted: 0 });
    assertEquals(failureOf(result, "closed").code, "EACCES");
    assertEquals(await dir.names("dst"), ["a", "closed", "closed/old", "closed/x", "extra", "z", "z/b"]);
  },
);

testNeeding(
  needs,
  "a directory that can be listed but not entered fails file by file, and nothing is deleted",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "src/listed/x": "X", "dst/listed/x": "old", "dst/extra": "E" });
    await dir.giveAway();
    await Deno.chmod(dir.at("src/listed"), 0o444);
    const result = await blitJson(["mirror", dir.at("src/"), dir.at("dst"), "--yes"], unprivileged);
    assertExit(result, 2);
    assertSaysOnce(result, /listed.*permission denied/i);
    await Deno.chmod(dir.at("dst/listed"), 0o755);
    assertEquals(await dir.read("dst/listed/x"), "old");
  },
);

testNeeding(needs, "a source that cannot be opened at all is one line and nothing is done", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/extra": "E" });
  await dir.giveAway();
  await Deno.chmod(dir.at("src"), 0);
  const result = await blit(["mirror", dir.at("src/"), dir.at("dst"), "--yes"], unprivileged);
  assertExit(result, 1, 2);
  assertSaysOnce(result, /permission denied/i);
  assertEquals(await dir.names("dst"), ["extra"]);
});

testNeeding(
  needs,
  "a directory of the destination that may not be written: its files fail, the others are copied",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "src/d/new": "N", "src/d/changed": "new content", "dst/d/changed": "old" });
    await dir.giveAway();
    if (isRoot) await Deno.chown(dir.at("dst/d"), 0, 0);
    await Deno.chmod(dir.at("dst/d"), 0o555);
    if (!isRoot) return;
    const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")], unprivileged);
    assertExit(result, 2);
    assertEquals([failureOf(result, "d/new").code, failureOf(result, "d/changed").code], ["EACCES", "EACCES"]);
    assertEquals([await dir.read("dst/a"), await dir.read("dst/d/changed")], ["A", "old"]);
  },
);

testNeeding(needs, "read-only directories and files are copied, updated and cleared by their owner", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/closed/a": "A", "src/closed/sub/b": "B" });
  await dir.giveAway();
  const close = async (tree: string) => {
    for (
      const [name, mode] of [["closed/a", 0o400], ["closed/sub/b", 0o444], ["closed/sub", 0o555], [
        "closed",
        0o500,
      ]] as const
    ) {
      await Deno.chmod(dir.at(`${tree}/${name}`), mode);
    }
  };
  await close("src");
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], unprivileged), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { rsync: false });
  await dir.write({ "next/closed/a": "changed", "next/closed/sub/c": "new", "next/closed/sub/b": "B" });
  await dir.giveAway();
  await close("next");
  await Deno.chmod(dir.at("next/closed"), 0o700);
  await Deno.chmod(dir.at("next/closed/sub"), 0o555);
  assertExit(await blit(["mirror", dir.at("next/"), dir.at("dst"), "--yes"], unprivileged), 0);
  await assertFaithful(dir.at("next"), dir.at("dst"), { rsync: false });
});

testNeeding(
  [...needs, root],
  "an ordinary user copies what root owns, without owners and without complaint",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/a": "A", "src/d/b": "B", "src/link": { to: "a" }, "dst": null });
    await Deno.chmod(dir.path, 0o755);
    await Deno.chown(dir.at("dst"), 65534, 65534);
    const result = await blitJson(["copy", dir.at("src/"), dir.at("dst/copy")], unprivileged);
    assertExit(result, 0);
    assertNoDifferences(
      differences(await dir.snapshot("src"), await dir.snapshot("dst/copy"), { owners: false }),
      "the copy",
    );
    assertSummary(await blitJson(["copy", dir.at("src/"), dir.at("dst/copy")], unprivileged), { files_copied: 0 });
  },
);

testNeeding([...needs, root], "special files that an ordinary user cannot make do not stop the others", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file a 5 1", "fifo p", "socket s", "char c 1 3", "block b 7 9"]);
  await dir.giveAway();
  await Deno.chmod(dir.at("src/c"), 0o644);
  const result = await blit(["copy", dir.at("src/"), dir.at("dst")], unprivileged);
  assertExit(result, 0, 2);
  assert(result.stderr !== "", "nothing was said about the devices");
  assertEquals((await dir.names("dst")).filter((name) => name !== "c" && name !== "b"), ["a", "p", "s"]);
});

testNeeding(needs, "an ordinary user's own tree is copied faithfully", async () => {
  await using dir = await testDirectory();
  const metadata = new Set([...await supportedMetadata(dir.path)].filter((word) => word === "user" || word === "acl"));
  await dir.make("src", everyKind(metadata).lines());
  await dir.giveAway();
  // Handing the tree over took these bits away and the source's times moved; they are set again.
  await dir.make("src", everyKind(metadata).lines().filter((line) => /^(mode|time) /.test(line)));
  assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], unprivileged), 0);
  await assertFaithful(dir.at("src"), dir.at("dst"), { owners: false, rsync: false });
});

testNeeding(
  needs,
  "a directory that its owner may not write is the same after a second run, which says so",
  async () => {
    await using dir = await testDirectory();
    await dir.write({ "src/closed/f": "F" });
    await Deno.chmod(dir.at("src/closed"), 0o500);
    await dir.giveAway();
    assertExit(await blit(["copy", dir.at("src/"), dir.at("dst")], unprivileged), 0);
    const again = await blitJson(["copy", "-v", dir.at("src/"), dir.at("dst")], unprivileged);
    assertExit(again, 0);
    assertEquals(again.summary.changes, []);
    assertEquals((await Deno.stat(dir.at("dst/closed"))).mode! & 0o777, 0o500);
  },
);
