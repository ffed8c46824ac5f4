/** The judges themselves: a faithful copy made by cp passes, and each single damage to it is found. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { supportedMetadata } from "../support/fixture.ts";
import { command, linux, root, testNeeding } from "../support/needs.ts";
import { assertFaithful, unfaithful } from "../support/oracle.ts";
import { everyKind } from "../support/tree.ts";

/** Shell commands run in the copy, one after the other, and the new difference that must be reported. */
const DAMAGES: [script: string, difference: string][] = [
  [
    "cp -p sizes/4096 t && printf x | dd of=t conv=notrunc && touch -r sizes/4096 t && cat t >sizes/4096 && touch -r t sizes/4096",
    "sizes/4096: content",
  ],
  ["rm sizes/1", "sizes/1: missing"],
  ["rmdir empty", "empty: missing"],
  ["touch extra", "extra: extra"],
  ["touch wide/.blit-1234", "wide/.blit-1234: a temporary file was left"],
  ["chmod g+w sizes/511", "sizes/511: mode"],
  ["chmod u-s modes/file-4755", "modes/file-4755: mode"],
  ["chown 5 sizes/512", "sizes/512: owner"],
  ["chown -h 5 links/up", "links/up: owner"],
  ["touch -d '1970-01-01 00:00:00.000000002 UTC' times/file-1", "times/file-1: mtime"],
  ["touch -d @7 nested/empty", "nested/empty: mtime"],
  ["touch -h -d @7 times/symlink-6", "times/symlink-6: mtime"],
  ["ln -sfn other links/absolute", "links/absolute: target"],
  ["rm links/relative && cp links/file links/relative", "links/relative: type"],
  ["cp -p links/hard t && mv t links/hard", "links/hard-2: hard-linked"],
  ["ln -f times/file-2 times/file-3", "times/file-3: hard-linked"],
  ["cp -p --sparse=never sparse/nothing t && mv t sparse/nothing", "sparse/nothing: takes"],
  ["setfattr -x user.short attributes/file-10", "attributes/file-10: attributes"],
  ["setfattr -n user.of-directory -v no attributes/dir", "attributes/dir: attributes"],
  ["setfacl -b attributes/file-0", "attributes/file-0: attributes"],
  ["setfacl -m u:1234:rwx attributes/default/file", "attributes/default/file: attributes"],
  ["rm special/fifo && touch special/fifo", "special/fifo: type"],
  ["rm special/null && mknod special/null c 1 5", "special/null: device"],
];

const needs = [linux, root, ...["rsync", "setfacl", "setfattr"].map(command)];

testNeeding(needs, "the oracle accepts a faithful copy and notices every single damage", async () => {
  await using dir = await testDirectory();
  await dir.make("src", everyKind(await supportedMetadata(dir.path)).lines());
  const shell = async (script: string, cwd: string) => {
    const output = await new Deno.Command("sh", { args: ["-ec", script], cwd, stdin: "null" }).output();
    assertEquals(output.success, true, `${script}: ${new TextDecoder().decode(output.stderr)}`);
  };
  await shell("cp -a src dst", dir.path);
  await assertFaithful(dir.at("src"), dir.at("dst"));
  let before: string[] = [];
  for (const [script, difference] of DAMAGES) {
    await shell(script, dir.at("dst"));
    const after = await unfaithful(dir.at("src"), dir.at("dst"), { rsync: false });
    const added = after.filter((line) => !before.includes(line));
    assert(added.some((line) => line.startsWith(difference)), `${script}: not noticed; only ${added.join("; ")}`);
    before = after;
  }
  const seenByRsync = await unfaithful(dir.at("src"), dir.at("dst"));
  assert(seenByRsync.some((line) => line.startsWith("rsync: >f")), "rsync noticed nothing");
});
