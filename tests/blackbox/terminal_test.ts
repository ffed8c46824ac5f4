/** On a terminal: the live line, the width, colours, Ctrl-C, and mirror's question. */

import { assert, assertEquals } from "@std/assert";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { assertExit, assertUntouched } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit, blitOnTerminal, pause, until } from "../support/program.ts";

const needs = [linux, command("cc")];
const SIZE = { columns: 80, rows: 24 };
const CTRL_C = "\x03";

/** 1.5 MB whose names are longer than any terminal used here. */
async function slowTree(): Promise<TestDirectory> {
  const dir = await testDirectory();
  const name = "a-name-that-is-too-long-for-the-line-日本語-".repeat(4);
  await dir.make("src", Array.from({ length: 30 }, (_, i) => `file ${encodeURIComponent(name)}${i} 50000 ${i}`));
  return dir;
}

/** The states of the live line, in order: what stands behind each return-and-clear. */
function frames(output: string): string[] {
  return output.split("\r\x1b[K").slice(1).map((part) => part.split(/[\r\n]/)[0]).filter((frame) =>
    /copying|scanning/.test(frame)
  );
}

/** Cells on the screen: East Asian wide characters take two. */
function cells(text: string): number {
  // deno-lint-ignore no-control-regex
  const visible = text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
  return Array.from(visible).reduce((sum, char) => sum + (char > "\u2e7f" ? 2 : 1), 0);
}

testNeeding(
  needs,
  "a terminal shows one live line that fits the width, follows a resize and gives way to the summary",
  async () => {
    await using dir = await slowTree();
    const args = ["copy", "--bwlimit", "750K", dir.at("src/"), dir.at("dst")];
    const terminal = await blitOnTerminal(args, { columns: 160, rows: 24 });
    await until(() => frames(terminal.output()).length >= 5, "five frames were drawn", terminal);
    const wide = frames(terminal.output()).length;
    terminal.shrink();
    await until(() => frames(terminal.output()).length >= wide + 4, "four more frames were drawn", terminal);
    const result = await terminal.result;
    assertExit(result, 0);
    const shown = frames(result.stdout);
    for (const frame of shown) assert(cells(frame) < 160, `${cells(frame)} cells: ${frame}`);
    for (const frame of shown.slice(wide + 2)) assert(cells(frame) < 80, `${cells(frame)} cells: ${frame}`);
    const beforeSummary = result.stdout.slice(0, result.stdout.lastIndexOf("\r\x1b[K"));
    assertEquals(beforeSummary.includes("\n"), false, "the live line scrolled");
    assert(/Copied 30 files/.test(result.stdout.slice(result.stdout.lastIndexOf("\r\x1b[K"))), result.stdout);
  },
);

testNeeding(
  needs,
  "the live line tells phase, bytes, files, both rates, time left and the current file, and they move",
  async () => {
    await using dir = await slowTree();
    const terminal = await blitOnTerminal(["copy", "--bwlimit", "1M", dir.at("src/"), dir.at("dst")], {
      columns: 200,
      rows: 24,
    });
    const shown = frames((await terminal.result).stdout);
    const all = shown.join("\n");
    const parts = [
      /copying/,
      /\d+ KiB of 1\.\d+ MiB|\d KiB/,
      /\d+\/30 files/,
      /KiB\/s .*avg .*KiB\/s/,
      /ETA \d/,
      /a-name-that/,
    ];
    for (const part of parts) assert(shown.some((frame) => part.test(frame)), `no frame shows ${part}:\n${all}`);
    const counts = new Set(shown.map((frame) => /(\d+)\/30 files/.exec(frame)?.[1]));
    assert(counts.size > 3, `the number of files does not move:\n${all}`);
  },
);

testNeeding(needs, "piped output stays quiet: no live line, no control sequences", async () => {
  await using dir = await slowTree();
  const result = await blit(["copy", dir.at("src/"), dir.at("dst"), "--bwlimit", "3M"]);
  assertExit(result, 0);
  assertEquals(result.stderr, "");
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x1b\r]/.test(result.stdout), false);
});

testNeeding(needs, "--no-progress and -q show no live line on a terminal", async () => {
  await using dir = await slowTree();
  for (const option of ["--no-progress", "-q"]) {
    const terminal = await blitOnTerminal(
      ["copy", option, "--bwlimit", "3M", dir.at("src/"), dir.at(`dst${option}`)],
      SIZE,
    );
    const result = await terminal.result;
    assertExit(result, 0);
    assertEquals(frames(result.stdout), []);
    if (option === "-q") assertEquals(result.stdout, "");
  }
});

testNeeding(needs, "colours stand on a terminal, and NO_COLOR switches them off", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/b/c": "C", "dst/b": "file" });
  const output = async (env: Record<string, string>) => {
    const terminal = await blitOnTerminal(["copy", "-v", "--dry-run", dir.at("src/"), dir.at("dst")], SIZE, env);
    return (await terminal.result).stdout;
  };
  // deno-lint-ignore no-control-regex
  const colour = /\x1b\[[0-9;]*m/;
  assert(colour.test(await output({ NO_COLOR: "" })), "no colour on a terminal");
  assertEquals(colour.test(await output({ NO_COLOR: "1" })), false);
  assertEquals(colour.test(await output({ NO_COLOR: "", TERM: "dumb" })), false);
});

testNeeding(needs, "Ctrl-C on a terminal ends with 130 and says how to continue", async () => {
  await using dir = await slowTree();
  const terminal = await blitOnTerminal(["copy", "--bwlimit", "300K", dir.at("src/"), dir.at("dst")], SIZE);
  await until(() => frames(terminal.output()).length >= 3, "three frames were drawn", terminal);
  await terminal.send(CTRL_C);
  const result = await terminal.result;
  assertExit(result, 130);
  assert(/again to continue/.test(result.stdout), result.stdout);
  assertEquals((await dir.names("dst")).filter((name) => name.startsWith(".blit-")), []);
});

async function mirrorTree(): Promise<TestDirectory> {
  const dir = await testDirectory();
  await dir.write({ "src/a": "A", "dst/extra": "E", "dst/gone/x": "X", "dst/gone/y": "Y" });
  return dir;
}

for (const answer of ["n\n", "\n", "maybe\n", "no\n"]) {
  testNeeding(
    needs,
    `mirror on a terminal shows what would go, and ${JSON.stringify(answer)} changes nothing`,
    async () => {
      await using dir = await mirrorTree();
      const before = await dir.snapshot();
      const terminal = await blitOnTerminal(["mirror", dir.at("src/"), dir.at("dst")], SIZE);
      await until(() => /\[y\/N\]/.test(terminal.output()), "the question was asked", terminal);
      assert(/extra/.test(terminal.output()) && /gone\/x/.test(terminal.output()), terminal.output());
      assertUntouched(before, await dir.snapshot(), "the tree before the answer");
      await terminal.send(answer);
      assertExit(await terminal.result, 1);
      assertUntouched(before, await dir.snapshot(), "the tree");
    },
  );
}

testNeeding(needs, "mirror on a terminal deletes after a yes", async () => {
  await using dir = await mirrorTree();
  const terminal = await blitOnTerminal(["mirror", dir.at("src/"), dir.at("dst")], SIZE);
  await until(() => /\[y\/N\]/.test(terminal.output()), "the question was asked", terminal);
  await terminal.send("y\n");
  assertExit(await terminal.result, 0);
  assertEquals(await dir.names("dst"), ["a"]);
});

testNeeding(needs, "mirror on a terminal asks nothing with --yes, nor when nothing would go", async () => {
  await using dir = await mirrorTree();
  const args = ["mirror", dir.at("src/"), dir.at("dst")];
  const first = await (await blitOnTerminal([...args, "--yes"], SIZE)).result;
  assertExit(first, 0);
  const second = await (await blitOnTerminal(args, SIZE)).result;
  assertExit(second, 0);
  assertEquals(/\[y\/N\]/.test(first.stdout + second.stdout), false);
});

testNeeding(needs, "Ctrl-C and the end of input at mirror's question change nothing", async () => {
  for (const [key, codes] of [[CTRL_C, [130]], ["\x04", [1, 130]]] as const) {
    await using dir = await mirrorTree();
    const before = await dir.snapshot();
    const terminal = await blitOnTerminal(["mirror", dir.at("src/"), dir.at("dst")], SIZE);
    await until(() => /\[y\/N\]/.test(terminal.output()), "the question was asked", terminal);
    await pause(50);
    await terminal.send(key);
    assertExit(await terminal.result, ...codes);
    assertUntouched(before, await dir.snapshot(), "the tree");
  }
});

testNeeding(needs, "more is not deleted than what the question showed", async () => {
  await using dir = await mirrorTree();
  await dir.write({ "src/b": "B", "dst/b": "B" });
  const terminal = await blitOnTerminal(["mirror", dir.at("src/"), dir.at("dst")], SIZE);
  await until(() => /\[y\/N\]/.test(terminal.output()), "the question was asked", terminal);
  await Deno.remove(dir.at("src/b"));
  await terminal.send("y\n");
  assertExit(await terminal.result, 2);
  assertEquals(await dir.exists("dst/b"), true);
});
