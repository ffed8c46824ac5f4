/**
 * Nothing is lost where both paths lead to one thing, a name is one of blit's own, or the destination is not at its place any more;
 * whichever way it goes.
 */

import { assert, assertEquals } from "@std/assert";
import { tempNameOf } from "../../lib/native/temp_name.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, failureOf } from "../support/expect.ts";
import { linux, mounting, testNeeding } from "../support/needs.ts";
import { blitJson, type JsonResult, startBlit, until } from "../support/program.ts";
import { directions, Scene } from "./ways.ts";

interface Place extends AsyncDisposable {
  readonly dir: TestDirectory;
  readonly withoutShim?: boolean;
  source(path: string): string;
  destination(path: string): string;
}

async function local(withoutShim = false): Promise<Place> {
  const dir = await testDirectory();
  const at = (path: string) => dir.at(path);
  return { dir, withoutShim, source: at, destination: at, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

const places: readonly { readonly name: string; readonly open: () => Promise<Place> }[] = [
  { name: "locally", open: () => local() },
  ...(Deno.env.get("BLIT_BIN") ? [] : [{ name: "without the native library", open: () => local(true) }]),
  ...directions.map((way) => ({ name: way.name, open: () => Scene.open(way) as Promise<Place> })),
];

function run(
  place: Place,
  verb: string,
  source: string,
  destination: string,
  ...options: string[]
): Promise<JsonResult> {
  const { withoutShim } = place;
  return blitJson([verb, place.source(source), place.destination(destination), "--yes", ...options], { withoutShim });
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args, stdin: "null", stderr: "null" }).output()).success;
}

for (const { name, open } of places) {
  testNeeding([linux], `${name}: a symbolic link never takes the place of what it leads to`, async () => {
    await using place = await open();
    const { dir } = place;
    await dir.write({ "s/g": "content", "s/l": { to: "g" }, "s/sub/deep": "deep", "s/m": { to: "sub/deep" } });
    await dir.write({ "t/x": { to: dir.at("d/x") }, "t/y": { to: "../d/y" }, "d/x": "X", "d/y": "Y" });
    for (const verb of ["move", "copy"]) {
      for (const [from, to] of [["s/l", "s/g"], ["s/m", "s/sub/deep"]]) {
        const result = await run(place, verb, from, to);
        assert(result.code === 64 || result.code === 1, `${verb} ${from} ${to}: exit code ${result.code}`);
        assertSays(result, /onto what it leads to/);
      }
      const tree = await run(place, verb, "t/", "d");
      assertExit(tree, 2);
      for (const path of ["x", "y"]) assertEquals(failureOf(tree, path).code, "same_file");
      assertEquals(await Deno.readLink(dir.at("t/y")), "../d/y");
    }
    assertEquals(await Promise.all(["s/g", "s/sub/deep", "d/x", "d/y"].map((path) => dir.read(path))), [
      ...["content", "deep", "X", "Y"],
    ]);
    assertEquals(await Deno.readLink(dir.at("s/l")), "g");
  });

  testNeeding([linux], `${name}: nor does a directory go for a symbolic link that leads into it`, async () => {
    await using place = await open();
    const { dir } = place;
    const links = {
      itself: "../d/itself",
      absolute: dir.at("d/absolute"),
      inside: "../d/inside/sub/f",
      onwards: "../d/on",
      // Leaves the directory again: nothing would be lost, but the way there.
      ...(place.withoutShim ? {} : { through: "../d/through/sub/../../f" }),
    };
    await dir.write({ "s/on": { to: dir.at("d/onwards/sub") }, "s/f": "F", "d/f": "F", "d/on": { to: "onwards/sub" } });
    for (const [name, to] of Object.entries(links)) {
      await dir.write({ [`s/${name}`]: { to }, [`d/${name}/sub/f`]: name });
    }
    await dir.write({ "s/elsewhere": { to: "../d/f" }, "d/elsewhere/sub/f": "goes", "s/file": { to: "../d/file" } });
    await dir.write({ "d/file": "stays" });
    for (const options of [["--dry-run"], [], []]) {
      const result = await run(place, "mirror", "s/", "d", ...options);
      assertExit(result, 2);
      assertEquals(result.summary.failures.length, Object.keys(links).length + 1);
      for (const path of [...Object.keys(links), "file"]) assertEquals(failureOf(result, path).code, "same_file");
      for (const path of Object.keys(links)) assertEquals(await dir.read(`d/${path}/sub/f`), path);
    }
    assertEquals(await dir.read("d/file"), "stays");
    assertEquals(await Deno.readLink(dir.at("d/elsewhere")), "../d/f");
  });

  testNeeding(
    [linux],
    `${name}: of two names of one file that are moved onto each other the content stays`,
    async () => {
      await using place = await open();
      const { dir } = place;
      await dir.write({ "s/a": "content", "s/l": { to: "a" } });
      await Deno.link(dir.at("s/a"), dir.at("s/b"));
      assertExit(await run(place, "move", "s/a", "s/b"), 0);
      assertEquals(await dir.names("s"), ["b", "l"]);
      assertEquals(await dir.read("s/b"), "content");
    },
  );

  testNeeding([linux], `${name}: what is called like a temporary file is named, and stays at the source`, async () => {
    await using place = await open();
    const { dir } = place;
    const [temporary, part] = [tempNameOf(0x7fffffff, 1), ".blit-000012340000000792b472a8.part"];
    await dir.write({ [`s/${temporary}`]: "mine", [`s/sub/${part}`]: "mine, too", "s/sub/f": "F", "d/x": "X" });
    for (const [verb, ...options] of [["copy"], ["mirror", "--dry-run"], ["mirror"], ["move", "--dry-run"], ["move"]]) {
      const result = await run(place, verb, "s/", "d", ...options);
      assertExit(result, 2);
      for (const path of [temporary, `sub/${part}`]) assertEquals(failureOf(result, path).code, "kept_name");
      assertEquals([await dir.read(`s/${temporary}`), await dir.read(`s/sub/${part}`)], ["mine", "mine, too"]);
      assertEquals((await dir.names("d")).filter((path) => path.includes(".blit-")), []);
    }
    assertEquals(await dir.names("s"), [temporary, "sub", `sub/${part}`].sort());
    for (const [source, destination] of [[`s/${temporary}`, "d"], ["d/sub/f", `d/${temporary}`]]) {
      const result = await run(place, "move", source, destination);
      assertExit(result, 64);
      assertSays(result, /keeps such names/);
    }
    assertEquals([await dir.read(`s/${temporary}`), await dir.read("d/sub/f")], ["mine", "F"]);
  });

  testNeeding([linux, mounting], `${name}: a move keeps its sources once the destination is unmounted`, async () => {
    await using place = await open();
    const { dir } = place;
    await dir.write({ "s/a": "a", "s/z/large": new Uint8Array(20_000_000).fill(7), "d/inner": null });
    assert(await succeeds("mount", "-t", "tmpfs", "none", dir.at("d")));
    await using _mount = { [Symbol.asyncDispose]: async () => void await succeeds("umount", "--lazy", dir.at("d")) };
    const args = ["move", place.source("s/"), place.destination("d"), "--bwlimit", "30M", "--json"];
    const running = await startBlit(args, { withoutShim: place.withoutShim });
    const inMount = async () => (await Array.fromAsync(Deno.readDir(dir.at("d/z"))).catch(() => [])).length > 0;
    await until(inMount, "the large file is being copied", running);
    assert(await succeeds("umount", "--lazy", dir.at("d")));
    const result = await running.result;
    assertExit(result, 2);
    assert(/was unmounted or replaced/.test(result.stdout + result.stderr), result.stdout);
    assertEquals((await Deno.stat(dir.at("s/z/large"))).size, 20_000_000);
  });
}

for (const { name, open } of places) {
  testNeeding(
    [linux],
    `${name}: a move keeps what comes into a directory that is not at its place any more`,
    async () => {
      await using place = await open();
      const { dir } = place;
      const large = new Uint8Array(20_000_000).fill(7);
      await dir.write({ "s/z/large": large, "s/z/link": { to: "x" }, "s/z/equal": "equal", "d/z/equal": "equal" });
      for (const path of ["s/z/equal", "d/z/equal"]) await Deno.utime(dir.at(path), 1000, 1000);
      const args = ["move", place.source("s/"), place.destination("d"), "--bwlimit", "20M", "--json"];
      const running = await startBlit(args, { withoutShim: place.withoutShim });
      const begun = async () => (await dir.names("d/z")).some((path) => path.startsWith(".blit-"));
      await until(begun, "the large file is being copied", running);
      await Deno.rename(dir.at("d/z"), dir.at("elsewhere"));
      await Deno.mkdir(dir.at("d/z"));
      const result = await running.result;
      assertExit(result, 2);
      assertSays(result, /z\/large: Cannot remove the source: the copy is not at its place/);
      assertEquals((await Deno.stat(dir.at("s/z/large"))).size, large.length);
      assertEquals(await dir.names("d"), ["z"]);
    },
  );
}

for (const { name, open } of places) {
  testNeeding(
    [linux],
    `${name}: a copy whose destination is not at its place at the end is not told to be whole`,
    async () => {
      await using place = await open();
      const { dir } = place;
      await dir.write({ "s/large": new Uint8Array(20_000_000).fill(7), "d": null });
      const args = ["copy", place.source("s/"), place.destination("d"), "--bwlimit", "20M", "--json"];
      const running = await startBlit(args, { withoutShim: place.withoutShim });
      const begun = async () => (await dir.names("d")).some((path) => path.startsWith(".blit-"));
      await until(begun, "the large file is being copied", running);
      await Deno.rename(dir.at("d"), dir.at("elsewhere"));
      await Deno.mkdir(dir.at("d"));
      const result = await running.result;
      assertExit(result, 2);
      assertSays(result, /was unmounted or replaced/);
    },
  );
}

testNeeding([linux], "a file is not copied onto a symbolic link that leads to it, but may be moved there", async () => {
  await using dir = await testDirectory();
  await dir.write({ f: "content", l: { to: "f" } });
  const result = await blitJson(["copy", dir.at("f"), dir.at("l")]);
  assertExit(result, 64);
  assertSays(result, /leads to it/);
  assertEquals(await Deno.readLink(dir.at("l")), "f");
  assertExit(await blitJson(["move", dir.at("f"), dir.at("l")]), 0);
  assertEquals([await dir.names(), await dir.read("l")], [["l"], "content"]);
});

testNeeding([linux], "a symbolic link that leads to itself is replaced, and is no place to copy to", async () => {
  for (const withoutShim of [false, true].slice(0, Deno.env.get("BLIT_BIN") ? 1 : 2)) {
    await using dir = await testDirectory();
    await dir.write({ f: "content", "d/f": { to: "f" }, loop: { to: "loop" } });
    assertExit(await blitJson(["copy", dir.at("f"), dir.at("d/")], { withoutShim }), 0);
    assertEquals(await dir.read("d/f"), "content");
    const result = await blitJson(["copy", dir.at("f"), dir.at("loop")], { withoutShim });
    assertExit(result, 1);
    assertSays(result, /leads nowhere/);
  }
});
