/** Mirror deletes nothing unless all of the source could be read, whichever way the tree takes; and a dry run says the same. */

import { assertEquals } from "@std/assert";
import { mountDead } from "../support/dead_mount.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary, fail, failureOf } from "../support/expect.ts";
import { linux, mounting, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult } from "../support/program.ts";
import { directions, Scene, ways } from "./ways.ts";

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

testNeeding(
  [linux],
  "an ordinary user's mirror deletes nothing while something of the source may not be read",
  async () => {
    for (const closed of ["s/sec", "s/file"]) {
      await using dir = await testDirectory();
      await dir.write({ "s/sec": null, "s/file": "x", "d/sec": null, "d/extra/e": "e" });
      await Deno.chmod(dir.at(closed), 0);
      await dir.giveAway();
      for (const options of [["--dry-run"], []]) {
        const args = ["mirror", dir.at("s/"), dir.at("d"), "--yes", ...options];
        const result = await blitJson(args, { unprivileged: true });
        assertExit(result, 2);
        assertSummary(result, { files_failed: 1, files_deleted: 0, directories_deleted: 0 });
        assertEquals(await dir.exists("d/extra/e"), true);
      }
    }
  },
);

for (const [kind, what] of [["turned", "became a file"], ["unlisted", "could not be read to its end"]] as const) {
  testNeeding([linux], `nothing is deleted where a directory ${what} during the run`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "s/sub/a": "1", "d/sub/a": "1", "d/sub/gone": "2", "d/extra/e": "3", "d/f": "4" });
    const fault = { kind, below: dir.at("s") };
    for (const options of [["--dry-run"], ["--max-delete", "9"], []]) {
      const result = await blitJson(["mirror", dir.at("s/"), dir.at("d"), "--yes", ...options], { fault });
      assertExit(result, 2);
      assertSummary(result, { files_deleted: 0, directories_deleted: 0 });
      assertSays(result, kind === "turned" ? /not a directory/ : /input\/output error/);
      assertEquals((await dir.names("d")).filter((name) => !name.endsWith("/a")), [
        ...["extra", "extra/e", "f", "sub", "sub/gone"],
      ]);
    }
  });
}

testNeeding([linux], "nothing is deleted where --max-delete is given and something could not be counted", async () => {
  await using dir = await testDirectory();
  await dir.write({ "s/a": "1", "d/extra/e": "2", "d/extra/f": "3", "d/g": "4" });
  const fault = { kind: "unlisted", below: dir.at("d/extra") };
  for (const options of [["--dry-run"], []]) {
    const args = ["mirror", dir.at("s/"), dir.at("d"), "--yes", "--max-delete", "5", ...options];
    const result = await blitJson(args, { fault });
    assertExit(result, 2);
    assertSummary(result, { files_copied: 1, files_deleted: 0, directories_deleted: 0 });
    assertEquals(failureOf(result, ".").code, "max_delete");
    assertSays(result, /not all of it could be counted, as --max-delete 5 demands, nothing was deleted/);
  }
  assertEquals(await dir.names("d"), ["a", "extra", "extra/e", "extra/f", "g"]);
});

const places: readonly { readonly name: string; readonly open: () => Promise<Place> }[] = [
  { name: "locally", open: () => local() },
  ...(Deno.env.get("BLIT_BIN") ? [] : [{ name: "without the native library", open: () => local(true) }]),
  ...directions.map((way) => ({ name: way.name, open: () => Scene.open(way) as Promise<Place> })),
];

const COUNTS = [
  "files_total",
  "files_copied",
  "files_unchanged",
  "files_deleted",
  "files_failed",
  "directories_total",
  "directories_created",
  "directories_deleted",
  "bytes_copied",
];

/** Runs a dry run, then the real one, which must count the same; the real one's result. */
async function mirror(place: Place, ...options: string[]): Promise<JsonResult> {
  const before = await place.dir.snapshot("d");
  const dry = await place.run("mirror", "s/", "d", "--yes", "--dry-run", ...options);
  assertEquals(await place.dir.snapshot("d"), before);
  const real = await place.run("mirror", "s/", "d", "--yes", ...options);
  const counts = (result: JsonResult) => COUNTS.map((key) => `${key} ${result.summary?.[key]}`);
  if (JSON.stringify(counts(dry)) !== JSON.stringify(counts(real))) {
    fail(dry, `the real run counted ${counts(real)}, the dry run`);
  }
  assertEquals(dry.code, real.code);
  return real;
}

async function assertKept(place: Place, names: readonly string[], ...options: string[]): Promise<void> {
  const result = await mirror(place, ...options);
  assertExit(result, 2);
  assertSummary(result, { files_deleted: 0, directories_deleted: 0 });
  assertEquals(result.summary.notices.filter((line: string) => /native library/.test(line) === false), [
    "nothing was deleted: the source could not be read completely",
  ]);
  const there = await place.dir.names("d");
  assertEquals(names.filter((name) => !there.includes(name)), []);
}

const inline = ways.filter((way) => way.inline).map((way) => ({
  name: way.name,
  open: () => Scene.open(way) as Promise<Place>,
}));

/** What the destination has beyond the source: each alone would do, and hides the others. */
const EXTRAS: Record<string, Record<string, string | null>> = {
  "only an extra directory": { "d/extra/e": "e" },
  "an extra file, too": { "d/extra/e": "e", "d/f": "f" },
  "a directory in a file's place": { "d/first/old": "e" },
  "a file in a directory's place": { "d/sub": "e" },
  "something below the unreadable directory": { "d/sec/e": "e" },
  "extras on both sides of it in the order of names": { "d/a/e": "e", "d/z/e": "e", "d/zz": "z" },
};

for (const { name, open } of [...places, ...inline]) {
  testNeeding(
    [linux, mounting],
    `${name}: nothing is deleted while a directory of the source cannot be read`,
    async () => {
      // The ways differ only in how the source is read.
      const cases = Object.entries(EXTRAS).slice(0, name === "locally" ? undefined : 2);
      for (const [what, extras] of cases) {
        await using place = await open();
        const { dir } = place;
        await dir.write({ "s/first": "1", "s/sub/in": "2", "s/sec": null, "d": null, ...extras });
        await using _dead = await mountDead(dir.at("s/sec"));
        const kept = Object.keys(extras).map((path) => path.slice(2));
        await assertKept(place, kept).catch((error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error });
        });
        if (what.includes("only")) await assertKept(place, kept, "--max-delete", "100");
      }
    },
  );

  testNeeding(
    [linux, mounting],
    `${name}: nothing is deleted while a file of the source cannot be opened`,
    async () => {
      await using place = await open();
      const { dir } = place;
      await dir.write({
        ...{ "s/bad": "1", "s/first": "2", "s/sub/in": "3", "dead": null },
        ...{ "d/extra/e": "e", "d/f": "f", "d/first/old": "e", "d/sub": "e" },
      });
      await using _dead = await mountDead(dir.at("dead"), dir.at("s/bad"));
      await assertKept(place, ["extra/e", "f", "first/old", "sub"]);
    },
  );
}

for (const { name, open } of places) {
  testNeeding([linux, mounting], `${name}: what cannot be read takes no other entry's place`, async () => {
    await using place = await open();
    const { dir } = place;
    await dir.write({ "s/was-dir": "1", "s/was-file/in": "2", "dead": null, "d/was-dir/old": "e", "d/was-file": "e" });
    {
      await using _dead = await mountDead(dir.at("dead"), dir.at("s/was-dir"));
      await assertKept(place, ["was-dir/old", "was-file"]);
    }
    {
      await using _dead = await mountDead(dir.at("dead"), dir.at("s/was-file/in"));
      await assertKept(place, ["was-dir/old", "was-file"]);
    }
    const result = await mirror(place);
    assertExit(result, 0);
    assertSummary(result, { files_deleted: 2, directories_deleted: 1, directories_created: 1, files_copied: 2 });
    assertEquals([await dir.read("d/was-dir"), await dir.read("d/was-file/in")], ["1", "2"]);
  });

  testNeeding(
    [linux, mounting],
    `${name}: the scan has not ended while a subdirectory waits to be listed`,
    async () => {
      await using place = await open();
      const { dir } = place;
      // Names of one file that is as it should be are dealt with at once, before the directory beside them is put in line.
      await dir.write({ "s/a": "1", "s/sub/sec": null, "d": null, list: "a\nb\nsub\n" });
      await Deno.link(dir.at("s/a"), dir.at("s/b"));
      assertExit(await place.run("mirror", "s/", "d", "--yes"), 0);
      await dir.write({ "d/extra/e": "e" });
      {
        await using _dead = await mountDead(dir.at("s/sub/sec"));
        await assertKept(place, ["extra/e"], "--exclude", "nothing");
      }
      assertExit(await place.run("copy", "s/", "d", "--files-from", dir.at("list")), 0);
    },
  );

  testNeeding([linux], `${name}: nothing is deleted while an entry of --files-from is missing`, async () => {
    await using place = await open();
    const { dir } = place;
    await dir.write({
      "s/sub/a": "1",
      "s/dir/in": "2",
      "d/sub/extra/e": "e",
      "d/dir": "e",
      list: "sub\nabsent\ndir\n",
    });
    await assertKept(place, ["sub/extra/e", "dir"], "--files-from", dir.at("list"));
    await dir.write({ list: "sub\ndir/in\n" });
    const result = await mirror(place, "--files-from", dir.at("list"));
    assertExit(result, 0);
    assertEquals(await dir.names("d"), ["dir", "dir/in", "sub", "sub/a"]);
  });
}
