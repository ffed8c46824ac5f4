/** Destinations that take names for one when they differ in case only: nothing of a run is overwritten or deleted by the same run. */

import { assert, assertEquals } from "@std/assert";
import { temporaryNames, type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSummary } from "../support/expect.ts";
import { foldingFileSystems } from "../support/folding.ts";
import { linux, type Need, testNeeding } from "../support/needs.ts";
import { blitJson, type Json, type JsonResult } from "../support/program.ts";
import { startDaemon } from "../support/daemon.ts";
import { snapshot } from "../support/snapshot.ts";

const LARGE = 17 << 20;

/** Percent-encoded contents of files below the mount point, by lower-case path. */
async function contents(path: string): Promise<Record<string, string>> {
  const tree = await snapshot(path);
  assertEquals(temporaryNames(tree), []);
  const found: Record<string, string> = {};
  for (const [name, entry] of tree) {
    if (entry.type !== "f") continue;
    const real = decodeURIComponent(name);
    found[real.toLowerCase()] = (await Deno.readTextFile(`${path}/${real}`)).slice(0, 20);
  }
  return found;
}

function assertFolded(result: JsonResult, ...paths: string[]): void {
  const folded = result.summary.failures.filter(({ code }: Json) => code === "folded").map(({ path }: Json) => path);
  assertEquals(folded.length, paths.length, JSON.stringify(result.summary.failures));
  for (const path of folded) assert(paths.includes(path.toLowerCase()), path);
}

/** A run of blit from "s/" of the test's directory to "d" on the folding file system. */
type Run = (verb: string, ...options: string[]) => Promise<JsonResult>;

interface Way {
  readonly name: string;
  readonly needs: readonly Need[];
  open(dir: TestDirectory, mount: string): Promise<{ readonly run: Run } & AsyncDisposable>;
}

const notCompiled: Need = {
  missing: Deno.env.get("BLIT_BIN") ? "a compiled executable has its library inside" : undefined,
};

function here(withoutShim: boolean): Way["open"] {
  return (dir, mount) =>
    Promise.resolve({
      run: (verb, ...options) => blitJson([verb, dir.at("s/"), `${mount}/d`, ...options], { withoutShim }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
}

const ways: readonly Way[] = [
  { name: "locally", needs: [], open: here(false) },
  { name: "without the native library", needs: [notCompiled], open: here(true) },
  {
    name: "pushed",
    needs: [linux],
    open: async (dir, mount) => {
      const daemon = await startDaemon(dir, { config: `[[modules]]\nname = "m"\npath = "${mount}"\n` });
      return {
        run: (verb, ...options) => blitJson([verb, dir.at("s/"), daemon.place("m/d"), ...options]),
        [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
      };
    },
  },
];

async function pairs(dir: TestDirectory): Promise<void> {
  await dir.write({
    ...{ "s/File": "one", "s/file": "two", "s/Link": { to: "one" }, "s/link": { to: "two" }, "s/plain": "plain" },
    ...{ "s/Dir/a": "first", "s/dir/a": "second", "s/dir/b": "third" },
  });
  await dir.write({ "s/Big": "B".repeat(LARGE), "s/big": "b".repeat(LARGE) });
}

for (const { name: kind, needs: kindNeeds, mount } of foldingFileSystems) {
  for (const { name: way, needs: wayNeeds, open } of ways) {
    const name = `${kind}, ${way}`;
    const needs = [...kindNeeds, ...wayNeeds];
    testNeeding(
      needs,
      `${name}: of two entries with one name the second is a failure, and a move keeps it`,
      async () => {
        await using dir = await testDirectory();
        await using disk = await mount();
        await using there = await open(dir, disk.path);
        await pairs(dir);
        await Deno.remove(dir.at("s/Link")); // not every such file system has symbolic links
        await Deno.remove(dir.at("s/link"));
        const result = await there.run("move");
        assertExit(result, 2);
        assertFolded(result, "file", "dir", "big");
        const kept = await dir.names("s");
        const moved = await contents(`${disk.path}/d`);
        assertEquals(moved.plain, "plain");
        for (const [one, other] of [["File", "file"], ["Big", "big"]]) {
          const stayed = kept.filter((path) => path === one || path === other);
          assertEquals(stayed.length, 1, `${kept}`);
          assert(
            (await dir.read(`s/${stayed[0]}`)).slice(0, 20) !== moved[other],
            `${one} and ${other} are the same now`,
          );
        }
        const stayed = kept.includes("Dir/a") ? "first" : "second";
        assertEquals(kept.filter((path) => /^dir\//i.test(path)).length, stayed === "first" ? 1 : 2);
        assert(moved["dir/a"] !== stayed);
      },
    );

    testNeeding(
      needs,
      `${name}: two entries with one name are told again, and none is lost, when mirrored again`,
      async () => {
        await using dir = await testDirectory();
        await using disk = await mount();
        await using there = await open(dir, disk.path);
        await dir.write({ "s/File": "one", "s/file": "two", "s/plain": "plain" });
        for (let run = 0; run < 3; run++) {
          const result = await there.run("mirror", "--yes");
          assertExit(result, 2);
          assertFolded(result, "file");
          assertSummary(result, { files_deleted: 0 });
          assert(["one", "two"].includes((await contents(`${disk.path}/d`)).file));
        }
      },
    );

    testNeeding(
      needs,
      `${name}: what was renamed by case only keeps its content, and a directory its tree`,
      async () => {
        await using dir = await testDirectory();
        await using disk = await mount();
        await using there = await open(dir, disk.path);
        const d = `${disk.path}/d`;
        const old = {
          "s/Readme": "text",
          "s/Dir/Sub/f": "deep",
          "s/gone": "gone",
          "s/Été": "summer",
          "s/changed": "old",
        };
        await dir.write(old);
        // Each of them can keep whole, even seconds.
        for (const path of Object.keys(old)) await dir.setTime(path, 1_000_000_000);
        assertExit(await there.run("copy"), 0);
        for (const [from, to] of [["Readme", "README"], ["Dir", "DIR"], ["Été", "été"], ["changed", "Changed"]]) {
          await Deno.rename(dir.at(`s/${from}`), dir.at(`s/${to}`));
        }
        await Deno.rename(dir.at("s/DIR/Sub"), dir.at("s/DIR/SUB"));
        await Deno.remove(dir.at("s/gone"));
        await dir.write({ "s/Changed": "new content" });
        await dir.setTime("s/Changed", 1_000_000_010);
        const dry = await there.run("mirror", "--yes", "--dry-run");
        const result = await there.run("mirror", "--yes");
        assertExit(result, 0);
        assertSummary(result, { bytes_copied: 11, files_deleted: 1, directories_deleted: 0, directories_created: 0 });
        assertSummary(dry, { bytes_copied: 11, files_deleted: 1, directories_deleted: 0, directories_created: 0 });
        assertEquals(await contents(d), {
          "readme": "text",
          "dir/sub/f": "deep",
          "été": "summer",
          "changed": "new content",
        });
        if (kind === "exFAT") {
          const names = [...(await snapshot(d)).keys()].filter((path) => path !== ".").sort();
          assertEquals(names, ["%C3%A9t%C3%A9", "Changed", "DIR", "DIR/SUB", "DIR/SUB/f", "README"]);
        }
        assertSummary(await there.run("mirror", "--yes"), { bytes_copied: 0, files_deleted: 0, files_failed: 0 });
      },
    );
  }
}

for (const { name, needs, mount } of foldingFileSystems) {
  testNeeding(needs, `${name}: nothing is copied or moved onto itself under another spelling`, async () => {
    await using disk = await mount();
    const at = (path: string) => `${disk.path}/${path}`;
    await Deno.mkdir(at("Dir/Sub"), { recursive: true });
    await Deno.writeTextFile(at("Dir/Sub/f"), "deep");
    await Deno.writeTextFile(at("Readme"), "text");
    const refused = [["Dir/", "dir"], ["Dir", "DIR"], ["Dir/Sub/", "dir/sub"], ["Dir/", "dir/new"], ["Dir/Sub", "dir"]];
    for (const [from, to] of refused) {
      for (const verb of ["copy", "move"]) {
        assertExit(await blitJson([verb, at(from), at(to)]), 64);
      }
    }
    assertExit(await blitJson(["copy", at("Readme"), at("README")]), 64);
    assertExit(await blitJson(["mirror", at("Dir/Sub/"), at("dir"), "--yes"]), 64);
    assertExit(await blitJson(["move", at("Readme"), at("README"), "--dry-run"]), 0);
    assertExit(await blitJson(["move", at("Readme"), at("README")]), 0);
    assertEquals(await contents(disk.path), { "readme": "text", "dir/sub/f": "deep" });
    if (name === "exFAT") assertEquals([...await names(disk.path)].sort(), ["Dir", "README"]);
  });
}

for (const { name, needs, mount } of foldingFileSystems) {
  for (
    const { way, remote } of [
      { way: "pushed", remote: [false, true] },
      { way: "pulled", remote: [true, false] },
      { way: "fetched", remote: [true, true] },
    ]
  ) {
    testNeeding(
      [linux, ...needs],
      `${name}, ${way}: nothing is copied or moved onto itself under another spelling`,
      async () => {
        await using dir = await testDirectory();
        await using disk = await mount();
        const config = `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "m"\npath = "${disk.path}"\n`;
        await using daemon = await startDaemon(dir, { config });
        const at = (path: string, far: boolean) => far ? daemon.place(`m/${path}`) : `${disk.path}/${path}`;
        await Deno.mkdir(`${disk.path}/Dir/Sub`, { recursive: true });
        await Deno.writeTextFile(`${disk.path}/Dir/Sub/f`, "deep");
        await Deno.writeTextFile(`${disk.path}/Readme`, "text");
        for (
          const [verb, from, to] of [
            ["move", "Dir/", "dir"],
            ["copy", "Dir/Sub/", "dir/sub"],
            ["mirror", "Dir/Sub/", "dir"],
            ["move", "Dir/Sub/f", "dir/Sub/f"],
            ["move", "Readme", "README"],
          ]
        ) {
          const result = await blitJson([verb, at(from, remote[0]), at(to, remote[1]), "--yes"]);
          assert(result.code !== 0, `${verb} ${from} ${to}: exit code 0`);
          assertEquals(await contents(disk.path), { "readme": "text", "dir/sub/f": "deep" });
        }
      },
    );
  }
}

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
}

testNeeding(
  foldingFileSystems[0].needs,
  "in a directory of very many entries, too, nothing is lost by another spelling",
  async () => {
    await using dir = await testDirectory();
    await using disk = await foldingFileSystems[0].mount();
    const many = Array.from({ length: 4200 }, (_, i) => `file f${i} 1 ${i}`);
    await dir.make("s", [...many, "file Readme 10 1"]);
    await dir.make("s", ["dir Dir", "file Dir/f 10 2"]);
    assertExit(await blitJson(["copy", dir.at("s/"), `${disk.path}/d`]), 0);
    for (const [from, to] of [["Readme", "README"], ["Dir", "DIR"]]) {
      await Deno.rename(
        dir.at(`s/${from}`),
        dir.at(`s/${to}`),
      );
    }
    const result = await blitJson(["mirror", dir.at("s/"), `${disk.path}/d`, "--yes"]);
    assertExit(result, 0, 2);
    assertSummary(result, { files_deleted: 0, directories_deleted: 0 });
    const folded = result.summary.failures.filter(({ code }: Json) => code === "folded");
    assertEquals(result.summary.failures.length, folded.length);
    assertEquals((await Deno.readFile(`${disk.path}/d/Readme`)).length, 10);
    assertEquals((await Deno.readFile(`${disk.path}/d/Dir/f`)).length, 10);
  },
);
