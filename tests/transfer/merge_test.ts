/** Several sources that come to one place: refused where they would be one entry, merged where they are trees, and nothing is overwritten. */

import { assertEquals } from "@std/assert";
import { startDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary, assertUntouched, failureOf } from "../support/expect.ts";
import { blitJson, type JsonResult } from "../support/program.ts";

type Run = (verb: string, sources: string[], destination: string, ...options: string[]) => Promise<JsonResult>;

interface Place extends AsyncDisposable {
  readonly dir: TestDirectory;
  readonly run: Run;
}

async function place(remote?: "source" | "destination"): Promise<Place> {
  const dir = await testDirectory();
  const daemon = remote && await startDaemon(dir, { config: `[[modules]]\nname = "m"\npath = "$DIR"\n` });
  const at = (side: "source" | "destination", path: string) =>
    side === remote ? daemon!.place(`m/${path}`) : dir.at(path);
  return {
    dir,
    run: (verb, sources, destination, ...options) =>
      blitJson([verb, ...sources.map((path) => at("source", path)), at("destination", destination), ...options]),
    async [Symbol.asyncDispose]() {
      await daemon?.[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const everywhere = [["locally", undefined], ["pushed", "destination"], ["pulled", "source"]] as const;

for (const [name, remote] of everywhere) {
  Deno.test(`${name}: two sources of one name are refused before anything is touched`, async () => {
    await using there = await place(remote);
    const { dir } = there;
    await dir.write({ "a/f": "1", "b/f": "2", "a/l": { to: "f" }, "b/l": { to: "x" }, "c/f/in": "3", "o/old": "o" });
    await dir.write({ "lnk": { to: "a" } });
    const before = await dir.snapshot();
    // A daemon follows no symbolic link on the way.
    const linked = remote === "source" ? [] : [["a/f", "lnk/f"]];
    const others = [["a/f", "b/f"], ["a/l", "b/l"], ["a/f", "c/f"], ["c/f", "b/f"], ["a/f", "a/f"]];
    for (const sources of [...linked, ...others]) {
      for (const verb of ["move", "copy"]) {
        const result = await there.run(verb, sources, "o/");
        assertExit(result, 64);
        assertSays(result, /Cannot put both|twice/);
      }
    }
    assertUntouched(before, await dir.snapshot(), "a source or the destination");
  });
}

for (const [name, remote] of everywhere.filter(([, remote]) => remote !== "destination")) {
  const merged: [sources: string[], into: string][] = [[["a/d", "b/d"], "o/"], [["a/d/", "b/d/"], "o/d/"]];
  for (const [sources, into] of merged) {
    Deno.test(`${name}: ${sources.join(" and ")} are merged, and of two files with one name the second stays`, async () => {
      await using there = await place(remote);
      const { dir } = there;
      const trees = {
        ...{ "a/d/f": "1", "a/d/same/x": "2", "a/d/kind/y": "3", "a/d/one": "4", "a/d/t": "5" },
        ...{ "b/d/f": "6", "b/d/same/z": "7", "b/d/kind": "8", "b/d/two": "9", "b/d/t/u": "0" },
      };
      await dir.write(trees);
      // Equal in size and time: nothing that is there already is taken for the other's copy either.
      for (const path of ["a/d/f", "b/d/f"]) await dir.setTime(path, 1000);
      for (const verb of ["copy", "move"]) {
        const dry = await there.run(verb, sources, into, "--dry-run");
        const result = await there.run(verb, sources, into);
        const counts = { files_total: 9, files_failed: 3, directories_deleted: 0 };
        for (const each of [dry, result]) {
          assertExit(each, 2);
          assertSummary(each, counts);
          for (const path of ["f", "kind", "t"]) assertEquals(failureOf(each, path).code, "same_name");
        }
        const d = await Promise.all(
          ["f", "same/x", "same/z", "kind/y", "one", "two", "t"].map((p) => dir.read(`o/d/${p}`)),
        );
        assertEquals(d.join(""), "1273495");
      }
      assertEquals((await dir.names("b/d")).sort(), ["f", "kind", "t", "t/u"]);
      assertEquals(await dir.exists("a/d/f"), false);
      assertEquals([await dir.read("b/d/f"), await dir.read("b/d/kind"), await dir.read("b/d/t/u")], ["6", "8", "0"]);
    });
  }

  Deno.test(`${name}: a source inside another one's place is merged with what that has there`, async () => {
    await using there = await place(remote);
    const { dir } = there;
    await dir.write({ "a/d/f": "1", "a/f": "2", "b/d/f": "3", "b/d/g": "4", "c/f": "5" });
    const result = await there.run("copy", ["a/", "b/d", "c/f"], "o/");
    assertExit(result, 2);
    assertSummary(result, { files_copied: 3, files_failed: 2 });
    assertEquals([await dir.read("o/d/f"), await dir.read("o/d/g"), await dir.read("o/f")], ["1", "4", "2"]);
  });
}

Deno.test("sources of other names are renamed as before where one rename is enough", async () => {
  await using there = await place();
  const { dir } = there;
  await dir.write({ "a/f": "1", "b/f": "2", "o": null });
  const result = await there.run("move", ["a", "b"], "o/");
  assertExit(result, 0);
  assertSummary(result, { route: "rename" });
  assertEquals(await dir.names("o"), ["a", "a/f", "b", "b/f"]);
});

Deno.test("a directory that is given twice is refused", async () => {
  await using there = await place();
  const { dir } = there;
  await dir.write({ "a/f": "1", "lnk": { to: "a" } });
  for (const sources of [["a/", "a/"], ["a/", "lnk/"], ["a", "a"]]) {
    assertExit(await there.run("copy", sources, "o/"), 64);
  }
  assertEquals(await dir.exists("o"), false);
});

Deno.test("a daemon merges no sources: that is wrong usage, and nothing is touched", async () => {
  await using there = await place("destination");
  const { dir } = there;
  await dir.write({ "a/f": "1", "b/g": "2" });
  const result = await there.run("copy", ["a/", "b/"], "o/");
  assertExit(result, 64);
  assertSays(result, /Cannot merge several sources/);
  assertEquals(await dir.exists("o"), false);
});
