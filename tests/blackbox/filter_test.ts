/** Filters: the same entries take part as with rsync, and the options of blit's own. */

import { assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSummary } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson } from "../support/program.ts";

const NAMES = [
  ...[
    "a.o",
    "b.c",
    "Makefile",
    "src/x.o",
    "src/x.c",
    "src/deep/y.o",
    "src/deep/y.c",
    "src/deep/deeper/z.c",
    "build/out.o",
    "build/log",
  ],
  ...[
    "src/build/nested.c",
    "docs/index.html",
    "docs/img/1.png",
    "docs/img/2.jpg",
    ".git/config",
    ".git/objects/ab/cd",
    "foo/bar/baz",
    "foo/bar2",
  ],
  ...[
    "bar/foo",
    "[x].txt",
    "x.txt",
    "star*name",
    "back\\slash",
    "sp ace/in it",
    "cache",
    "src/cache/entry",
    "tmp/cache/entry",
  ],
];

/** Understood alike by rsync and blit. */
const FILTERS: string[][] = [
  ["--exclude", "*.o"],
  ["--exclude", "build"],
  ["--exclude", "build/"],
  ["--exclude", "/build"],
  ["--exclude", "cache/"],
  ["--exclude", "/src/deep/"],
  ["--exclude", "src/deep"],
  ["--exclude", "deep/y.c"],
  ["--exclude", "**/cache"],
  ["--exclude", "src/**"],
  ["--exclude", "src/*"],
  ["--exclude", "foo/**/baz"],
  ["--exclude", "/*/*.c"],
  ["--exclude", "?.txt"],
  ["--exclude", "[a-y].*"],
  ["--exclude", "[!a]*.c"],
  ["--exclude", "\\[x\\].txt"],
  ["--exclude", "star\\*name"],
  ["--exclude", "back\\slash"],
  ["--exclude", "sp ace"],
  ["--exclude", ".*"],
  ["--include", "*.c", "--exclude", "*"],
  ["--include", "*/", "--include", "*.c", "--exclude", "*"],
  ["--include", "/src/", "--include", "/src/deep/***", "--exclude", "*"],
  ["--exclude", "*.o", "--include", "a.o"],
  ["--include", "a.o", "--exclude", "*.o"],
  ["--exclude", "docs/img/***"],
  ["--exclude", "img/*.png", "--exclude", "*.html"],
  ["--exclude", "foo/bar"],
  ["--exclude", "/foo/bar*"],
  ["--exclude", "[[:upper:]]*"],
  ["--max-size", "3"],
  ["--min-size", "4"],
  ["--min-size", "3", "--max-size", "5", "--exclude", "src/"],
];

testNeeding([linux, command("rsync")], "the same entries take part as with rsync", async () => {
  await using dir = await testDirectory();
  await dir.write(Object.fromEntries(NAMES.map((name, i) => [`src/${name}`, "x".repeat(i % 7)])));
  for (const [i, filter] of FILTERS.entries()) {
    await dir.write({ [`rsync${i}`]: null });
    const rsync = await new Deno.Command("rsync", { args: ["-a", ...filter, dir.at("src/"), dir.at(`rsync${i}`)] })
      .output();
    assertEquals(rsync.success, true, new TextDecoder().decode(rsync.stderr));
    assertExit(await blit(["copy", ...filter, dir.at("src/"), dir.at(`blit${i}`)]), 0);
    assertEquals(await dir.names(`blit${i}`), await dir.names(`rsync${i}`), filter.join(" "));
  }
});

testNeeding([linux, command("rsync")], "a nested source is matched from its own name on, as with rsync", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/src/b": "B", "src/c/d": "D" });
  for (
    const [i, filter] of [["--exclude", "/src/a"], ["--exclude", "/a"], ["--exclude", "/src/src/"], [
      "--exclude",
      "src/c",
    ]].entries()
  ) {
    const rsync = await new Deno.Command("rsync", { args: ["-a", ...filter, dir.at("src"), dir.at(`rsync${i}`)] })
      .output();
    assertEquals(rsync.success, true);
    assertExit(await blit(["copy", ...filter, dir.at("src"), dir.at(`blit${i}`)]), 0);
    assertEquals(await dir.names(`blit${i}`), await dir.names(`rsync${i}`), filter.join(" "));
  }
});

testNeeding([linux, command("rsync")], "a filtered mirror deletes and protects as rsync does", async () => {
  await using dir = await testDirectory();
  const filters = [
    ["--exclude", "*.o"],
    ["--exclude", "keep/"],
    ["--include", "*/", "--include", "*.c", "--exclude", "*"],
    ["--exclude", "/sub/keep/"],
    ["--max-size", "3"],
  ];
  const destination = [
    "extra.o",
    "extra.c",
    "keep/x",
    "sub/keep/y",
    "sub/extra.c",
    "other/z.o",
    "other/z.c",
    "big.c",
    "empty/e.c",
  ];
  await dir.write({
    "src/a.c": "A",
    "src/b.o": "B",
    "src/sub/c.c": "C",
    "src/big.c": "too big",
    "src/big.o": "too big",
  });
  for (const [i, filter] of filters.entries()) {
    for (const side of ["rsync", "blit"]) {
      await dir.write(Object.fromEntries(destination.map((name) => [`${side}${i}/${name}`, "old"])));
    }
    await new Deno.Command("rsync", { args: ["-a", "--delete", ...filter, dir.at("src/"), dir.at(`rsync${i}`)] })
      .output();
    assertExit(await blit(["mirror", "--yes", ...filter, dir.at("src/"), dir.at(`blit${i}`)]), 0);
    assertEquals(await dir.names(`blit${i}`), await dir.names(`rsync${i}`), filter.join(" "));
  }
});

testNeeding([linux], "an excluded directory is not entered, so it need not be readable", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/closed/x": "X" });
  await dir.giveAway();
  await Deno.chmod(dir.at("src/closed"), 0);
  const args = ["copy", "--exclude", "closed/", dir.at("src/"), dir.at("dst")];
  assertExit(await blit(args, { unprivileged: true }), 0);
  assertEquals(await dir.names("dst"), ["a"]);
});

Deno.test("--exclude-from and --include-from read patterns, comments and blank lines aside", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a.o": "",
    "src/keep.o": "",
    "src/b.c": "",
    "src/#x": "",
    "rules": "# comment\n\n; comment\n+ keep.o\n*.o\n",
  });
  assertExit(await blit(["copy", "--exclude-from", dir.at("rules"), dir.at("src/"), dir.at("dst")]), 0);
  assertEquals(await dir.names("dst"), ["%23x", "b.c", "keep.o"]);
});

Deno.test("--files-from takes what is listed, directories with their content", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a": "A",
    "src/b": "B",
    "src/sub/c": "C",
    "src/sub/d": "D",
    "src/tree/e/f": "F",
    "src/other/g": "G",
  });
  await dir.write({ "list": "a\nsub/c\n\ntree/\n# comment\n" });
  assertExit(await blit(["copy", "--files-from", dir.at("list"), dir.at("src/"), dir.at("dst")]), 0);
  assertEquals(await dir.names("dst"), ["a", "sub", "sub/c", "tree", "tree/e", "tree/e/f"]);
  const piped = await blit(["copy", "--files-from", "-", dir.at("src/"), dir.at("piped")], { stdin: "b\0sub/d\0" });
  assertExit(piped, 0);
  assertEquals(await dir.names("piped"), ["b", "sub", "sub/d"]);
});

Deno.test("--files-from: a listed name that does not exist is named, the others are copied", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/b": "B", "list": "a\nabsent/name\nb\n" });
  const result = await blitJson(["copy", "--files-from", dir.at("list"), dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertSays(result, /absent\/name/);
  assertSummary(result, { status: "partial", files_copied: 2, failures_total: 1 });
  assertEquals(await dir.names("dst"), ["a", "b"]);
});

Deno.test("--files-from cannot lead out of the source", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "secret": "S", "list": "../secret\n" });
  assertExit(await blit(["copy", "--files-from", dir.at("list"), dir.at("src/"), dir.at("dst")]), 64);
  assertEquals(await dir.exists("dst"), false);
});

Deno.test("--files-from does not follow a symlinked directory out of the source", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/link": { to: "../outside" }, "outside/secret": "S", "list": "link/secret\n" });
  const result = await blit(["copy", "--files-from", dir.at("list"), dir.at("src/"), dir.at("dst")]);
  assertEquals(await dir.exists("dst/link/secret"), false);
  assertExit(result, 2);
});

Deno.test("--files-from with a mirror deletes inside listed directories only", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a/x": "X",
    "src/b/y": "Y",
    "dst/a/extra": "E",
    "dst/b/extra": "E",
    "dst/extra": "E",
    "list": "a\n",
  });
  assertExit(await blit(["mirror", "--yes", "--files-from", dir.at("list"), dir.at("src/"), dir.at("dst")]), 0);
  assertEquals(await dir.names("dst"), ["a", "a/x", "b", "b/extra", "extra"]);
});

Deno.test("ages count from the modification time", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/old": "O", "src/new": "N", "src/ancient": "A" });
  const now = Date.now() / 1000;
  await dir.setTime("src/old", now - 10 * 86_400);
  await dir.setTime("src/ancient", now - 1000 * 86_400);
  const names = async (target: string, ...options: string[]) => {
    assertExit(await blit(["copy", ...options, dir.at("src/"), dir.at(target)]), 0);
    return await dir.names(target);
  };
  assertEquals(await names("a", "--min-age", "1d"), ["ancient", "old"]);
  assertEquals(await names("b", "--max-age", "1d"), ["new"]);
  assertEquals(await names("c", "--min-age", "1w", "--max-age", "1y"), ["old"]);
});

testNeeding([linux, command("cc")], "patterns and lists name files that are not UTF-8", async () => {
  await using dir = await testDirectory();
  await dir.make("src", ["file caf%E9 1 1", "file caf%E8 1 1", "file caf%C3%A9 1 1", "file plain 1 1"]);
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  await dir.write({ "rules": bytes("caf\xe9\n"), "list": bytes("caf\xe8\ncaf\xc3\xa9\n") });
  assertExit(await blit(["copy", "--exclude-from", dir.at("rules"), dir.at("src/"), dir.at("a")]), 0);
  assertEquals(await dir.names("a"), ["caf%C3%A9", "caf%E8", "plain"]);
  assertExit(await blit(["copy", "--files-from", dir.at("list"), dir.at("src/"), dir.at("b")]), 0);
  assertEquals(await dir.names("b"), ["caf%C3%A9", "caf%E8"]);
  // One character, whatever its bytes.
  assertExit(await blit(["copy", "--exclude", "caf?", dir.at("src/"), dir.at("c")]), 0);
  assertEquals(await dir.names("c"), ["plain"]);
});

Deno.test("a malformed pattern or size is wrong usage and nothing is made", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  for (
    const options of [["--min-size", "x"], ["--max-age", "soon"], ["--min-size", "5", "--max-size", "4"], [
      "--files-from",
      dir.at("absent"),
    ]]
  ) {
    assertExit(await blit(["copy", ...options, dir.at("src/"), dir.at("dst")]), 64, 1);
    assertEquals(await dir.exists("dst"), false);
  }
});
