/** The directory that a move was given: it goes with the last of its entries, stays where it takes no part, and is named where it cannot go. */

import { assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary, failureOf } from "../support/expect.ts";
import { mountNew } from "../support/mounts.ts";
import { linux, mounting, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

interface Place extends AsyncDisposable {
  readonly dir: TestDirectory;
  run(verb: string, source: string, destination: string, ...options: string[]): Promise<JsonResult>;
}

async function local(withoutShim = false): Promise<Place> {
  const dir = await testDirectory();
  return {
    dir,
    run: (verb, source, destination, ...options) =>
      blitJson([verb, dir.at(source), dir.at(destination), ...options], { withoutShim }),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const places: readonly { readonly name: string; readonly open: () => Promise<Place> }[] = [
  { name: "locally", open: () => local() },
  ...(Deno.env.get("BLIT_BIN") ? [] : [{ name: "without the native library", open: () => local(true) }]),
  ...directions.map((way) => ({ name: way.name, open: () => Scene.open(way) as Promise<Place> })),
];

for (const { name, open } of places) {
  testNeeding(
    [linux],
    `${name}: a moved directory stays where a filter hides it, and goes where all in it went`,
    async () => {
      await using place = await open();
      const { dir } = place;
      await dir.write({ "s": null, "t/f": "content", "t/sub": null, "d": null });
      assertExit(await place.run("move", "s", "d/", "--exclude", "*"), 0);
      assertEquals(await dir.exists("s"), true);
      assertExit(await place.run("move", "t", "d/", "--exclude", "f"), 0);
      assertEquals(await dir.names("t"), ["f"]);
      assertExit(await place.run("move", "t", "d/", "--exclude", "nothing"), 0);
      assertEquals([await dir.exists("t"), await dir.read("d/t/f")], [false, "content"]);
    },
  );

  testNeeding(
    [linux, mounting],
    `${name}: a moved directory that cannot be removed is a failure with its name`,
    async () => {
      await using place = await open();
      const { dir } = place;
      await dir.write({ "s": null, "d": null });
      await using _mount = await mountNew("tmpfs", { mib: 4, at: dir.at("s") });
      await dir.write({ "s/f": "content" });
      const result = await place.run("move", "s", "d/");
      assertExit(result, 2);
      assertSummary(result, { files_removed: 1, files_failed: 1 });
      assertEquals(failureOf(result, "."), {
        path: ".",
        code: "EBUSY",
        message: "Cannot remove the source: device or resource busy",
      });
      assertEquals([await dir.names("s"), await dir.read("d/s/f")], [[], "content"]);
    },
  );
}

testNeeding([linux, mounting], "of a directory that is named by a dot only the contents are moved", async () => {
  await using dir = await testDirectory();
  await dir.write({ "s/f": "content", "d": null });
  assertExit(await blitJson(["move", dir.at("s/."), dir.at("d/")]), 0);
  assertEquals([await dir.names("s"), await dir.read("d/f")], [[], "content"]);
});
