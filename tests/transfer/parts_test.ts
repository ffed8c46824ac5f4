/** What a run with --resume left of a file that it did not finish: which later run removes it, and which leaves it alone. */

import { assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

/** Of a file called "large". */
const PART = ".blit-eecddbd91d4e484c84ba3c4a.part";
const TREE = { "src/large": "new", "src/other": "other", "dst/large": "old one", [`dst/${PART}`]: "n" };

interface Ground extends AsyncDisposable {
  readonly dir: TestDirectory;
  run(verb: string, source: string, destination: string, ...options: string[]): Promise<JsonResult>;
}

const here = {
  name: "on one machine",
  open: async (): Promise<Ground> => {
    const dir = await testDirectory();
    return {
      dir,
      run: (verb, source, destination, ...options) => blitJson([verb, dir.at(source), dir.at(destination), ...options]),
      [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
    };
  },
};

for (const { name, open } of [here, ...directions.map((way) => ({ name: way.name, open: () => Scene.open(way) }))]) {
  testNeeding([linux], `${name}: a run that does not write a file leaves the part of it alone`, async () => {
    await using ground: Ground = await open();
    const { dir } = ground;
    await dir.write(TREE);
    assertExit(await ground.run("copy", "src/other", "dst/"), 0);
    assertExit(await ground.run("copy", "src/", "dst", "--exclude", "large"), 0);
    assertExit(await ground.run("mirror", "src/", "dst", "--exclude", "large", "--yes"), 0);
    assertExit(await ground.run("copy", "src/", "dst", "--ignore-existing"), 0);
    assertExit(await ground.run("copy", "src/", "dst", "-n"), 0);
    assertSummary(await ground.run("check", "src/", "dst", "--exclude", "large"), { status: "ok" });
    assertEquals(await dir.names("dst"), [PART, "large", "other"]);
    assertEquals(await dir.read("dst/large"), "old one");
  });

  testNeeding([linux], `${name}: a part goes with the run that writes its file, or finds it equal`, async () => {
    await using ground: Ground = await open();
    const { dir } = ground;
    for (const [source, destination] of [["src/", "dst"], ["src/large", "dst/"]]) {
      for (const equal of [false, true]) {
        await dir.write(equal ? { [`dst/${PART}`]: "n" } : TREE);
        assertExit(await ground.run("copy", source, destination), 0);
        assertEquals([await dir.exists(`dst/${PART}`), await dir.read("dst/large")], [false, "new"]);
      }
    }
  });

  testNeeding([linux], `${name}: to a mirror, the part of a file that the source does not have is extra`, async () => {
    await using ground: Ground = await open();
    const { dir } = ground;
    await dir.write({ "src/a": "a", [`dst/${PART}`]: "n", [`dst/gone/${PART}`]: "n" });
    assertExit(await ground.run("copy", "src/", "dst"), 0);
    for (const options of [["-n"], ["--max-delete", "2"], []]) {
      const result = await ground.run("mirror", "src/", "dst", "--yes", ...options);
      const held = options.length === 2;
      assertExit(result, held ? 2 : 0);
      assertSummary(result, { files_deleted: held ? 0 : 2, directories_deleted: held ? 0 : 1 });
      assertEquals(await dir.exists(`dst/gone/${PART}`), options.length > 0);
    }
    assertEquals(await dir.names("dst"), ["a"]);
  });
}
