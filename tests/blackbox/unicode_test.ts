/**
 * Destinations that take names for one by case and by the several ways to write a letter in Unicode, with inode numbers that tell the
 * truth: ext4 with casefold, APFS. A library stands for such a file system, since not every machine can mount one.
 */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blitJson, type Json, type JsonResult } from "../support/program.ts";

const needs = [linux, command("cc")];
const [composed, apart] = ["\u00e9t\u00e9", "e\u0301te\u0301"];
const COMPOSED = "\u00c9t\u00e9";

/** From "s/" to "d", which folds names. */
function run(dir: TestDirectory, verb: string, ...options: string[]): Promise<JsonResult> {
  const fault = { kind: "folds", below: dir.at("d") };
  return blitJson([verb, dir.at("s/"), dir.at("d"), ...options], { fault });
}

function foldedPaths(result: JsonResult): string[] {
  return result.summary.failures.filter(({ code }: Json) => code === "folded").map(({ path }: Json) => path);
}

async function contents(dir: TestDirectory, ...roots: string[]): Promise<string[]> {
  const files = (await Promise.all(roots.map(async (root) => (await dir.names(root)).map((name) => `${root}/${name}`))))
    .flat();
  const texts = files.map((path) => Deno.readTextFile(dir.at(decodeURIComponent(path))).catch(() => undefined));
  return (await Promise.all(texts)).filter((text) => text !== undefined).sort();
}

for (const verb of ["copy", "move"]) {
  testNeeding(
    needs,
    `${verb}: of two entries whose names differ in form or case only the second is a failure`,
    async () => {
      await using dir = await testDirectory();
      await dir.write({
        ...{ [`s/${composed}`]: "1", [`s/${apart}`]: "2", "s/File": "3", "s/file": "4", "s/plain": "5", "d": null },
        ...{ [`s/dir ${composed}/a`]: "6", [`s/dir ${apart}/a`]: "7" },
      });
      const result = await run(dir, verb);
      assertExit(result, 2);
      assertEquals(foldedPaths(result).length, 3, JSON.stringify(result.summary.failures));
      assertEquals((await dir.names("d")).length, 5);
      const kept = verb === "copy" ? await contents(dir, "s") : await contents(dir, "s", "d");
      assertEquals(kept, [..."1234567"]);
    },
  );
}

testNeeding(needs, "what was renamed to another form or case of its name keeps its content and its tree", async () => {
  await using dir = await testDirectory();
  await dir.write({
    ...{ [`s/${composed}.txt`]: "text", [`s/${composed}/Sub/f`]: "deep", "s/Readme": "read me", "s/gone": "gone" },
    ...{ [`s/changed ${apart}`]: "old", "d": null },
  });
  assertExit(await run(dir, "copy"), 0);
  for (
    const [from, to] of [
      [`${composed}.txt`, `${apart}.txt`],
      [composed, apart],
      ["Readme", "README"],
      [`changed ${apart}`, `Changed ${COMPOSED}`],
    ]
  ) {
    await Deno.rename(dir.at(`s/${from}`), dir.at(`s/${to}`));
  }
  await Deno.rename(dir.at(`s/${apart}/Sub`), dir.at(`s/${apart}/SUB`));
  await Deno.remove(dir.at("s/gone"));
  await dir.write({ [`s/Changed ${COMPOSED}`]: "new content" });
  const counts = { bytes_copied: 11, files_deleted: 1, directories_deleted: 0, directories_created: 0 };
  assertSummary(await run(dir, "mirror", "--yes", "--dry-run"), counts);
  const result = await run(dir, "mirror", "--yes");
  assertExit(result, 0);
  assertSummary(result, counts);
  assertEquals(await contents(dir, "d"), ["deep", "new content", "read me", "text"]);
  assertEquals(await dir.names("d"), await dir.names("s"));
  const again = await run(dir, "mirror", "--yes");
  assertExit(again, 0);
  assertSummary(again, { files_copied: 0, files_deleted: 0, directories_deleted: 0 });
});

testNeeding(needs, "what the destination alone has is deleted, whatever it is like", async () => {
  await using dir = await testDirectory();
  await dir.write({ [`s/${composed}`]: "1", "d": null, [`d/${composed} too`]: "2", [`d/${COMPOSED} dir/f`]: "3" });
  const result = await run(dir, "mirror", "--yes");
  assertExit(result, 0);
  assertSummary(result, { files_deleted: 2, directories_deleted: 1 });
  assertEquals(await contents(dir, "d"), ["1"]);
});

testNeeding(needs, "the library folds: a second way to write a name leads to the first entry", async () => {
  await using dir = await testDirectory();
  await dir.write({ [`d/${composed}`]: "old", [`s/${apart}`]: "new content" });
  assertExit(await run(dir, "copy"), 0);
  assertEquals((await dir.names("d")).length, 1);
  assert((await contents(dir, "d")).includes("new content"));
});
