/** What is printed: the JSON summary, events, names that are not UTF-8, help, version, completions, wrong usage. */

import { assert, assertEquals } from "@std/assert";
import { testDirectory } from "../support/environment.ts";
import { assertExit, assertSays, assertSaysOnce, assertSummary, fail, failureOf } from "../support/expect.ts";
import { command, linux, testNeeding } from "../support/needs.ts";
import { blit, blitJson, type Json } from "../support/program.ts";

const KEYS: Record<string, string> = {
  status: "string",
  route: "string",
  files_total: "number",
  files_copied: "number",
  files_unchanged: "number",
  files_deleted: "number",
  files_failed: "number",
  bytes_total: "number",
  bytes_copied: "number",
  bytes_by_method: "object",
  duration_ms: "number",
  bytes_per_second: "number",
  failures: "object",
};

Deno.test("--json prints one document with every key, and nothing on standard error", async () => {
  await using dir = await testDirectory();
  await dir.write({
    "src/a": "12345",
    "src/b": "123",
    "src/d/c": "",
    "src/l": { to: "a" },
    "dst/extra": "E",
    "dst/b": "123",
  });
  await dir.setTime("src/b", 1_000_000_000);
  await dir.setTime("dst/b", 1_000_000_000);
  const result = await blitJson(["mirror", "--yes", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertEquals(result.stderr, "");
  for (const [key, type] of Object.entries(KEYS)) assertEquals(typeof result.summary[key], type, key);
  assertSummary(result, {
    status: "ok",
    files_total: 4,
    files_copied: 3,
    files_unchanged: 1,
    files_deleted: 1,
    files_failed: 0,
  });
  assertSummary(result, { bytes_total: 8, bytes_copied: 5, failures: [] });
  const moved = Object.values(result.summary.bytes_by_method as Record<string, number>).reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
  assertEquals(moved, 5);
  assertEquals(Object.keys(result.summary).filter((key) => !/^[a-z_]+$/.test(key)), []);
});

Deno.test("--json of a partial run names each failure with path, code and message", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/b": "B", "dst/a/x": "X" });
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertSummary(result, { status: "partial", files_failed: 1, failures_total: 1 });
  const failure = failureOf(result, "a");
  assert(/^Cannot .*: .*[^.]$/.test(failure.message), failure.message);
  assertEquals(Object.keys(failure).sort(), ["code", "message", "path"]);
});

Deno.test("--json of a job that could not be done is a document too", async () => {
  await using dir = await testDirectory();
  const result = await blitJson(["copy", dir.at("absent/"), dir.at("dst")]);
  assertExit(result, 1);
  assertSummary(result, { status: "failed" });
});

testNeeding([linux, command("cc")], "failures in the summary are capped, their number is full", async () => {
  await using dir = await testDirectory();
  const names = Array.from({ length: 1500 }, (_, i) => `f${i}`);
  await dir.make("src", names.map((name) => `file ${name} 1 1`));
  await dir.make("dst", names.flatMap((name) => [`dir ${name}`, `file ${name}/x 1 1`]));
  const result = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  assertSummary(result, { files_failed: 1500, failures_total: 1500 });
  assert(
    result.summary.failures.length > 0 && result.summary.failures.length < 1500,
    `${result.summary.failures.length} failures`,
  );
  assertEquals(result.stderr.trim().split("\n").length, 1500);
});

testNeeding(
  [linux, command("cc")],
  "names that are not UTF-8 survive in JSON and NDJSON, and are readable in text",
  async () => {
    await using dir = await testDirectory();
    const names = ["caf%E9", "%FF%FE", "ok%C3%A9", "line%0Abreak", "quote%22", "%ED%A0%80"];
    const expected = ["caf\udce9", "\udcff\udcfe", "ok\u00e9", "line\nbreak", 'quote"', "\udced\udca0\udc80"].sort();
    await dir.make("src", names.map((name) => `file ${name} 3 1`));
    const listed = await blitJson(["copy", "--dry-run", dir.at("src/"), dir.at("dst")]);
    assertExit(listed, 0);
    const paths = listed.summary.changes.map((change: Json) => change.path).filter((path: string) => path !== ".")
      .sort();
    assertEquals(paths, expected);
    assert(listed.stdout.includes("caf\\udce9"), "the escape is not spelt out");
    const events = await blit(["copy", "--dry-run", "--ndjson", dir.at("src/"), dir.at("dst")]);
    const entries = events.stdout.trim().split("\n").map((line) => JSON.parse(line)).filter((event) =>
      event.type === "entry"
    );
    assertEquals(entries.map((event) => event.path).filter((path: string) => path !== ".").sort(), expected);
    const text = await blit(["copy", "--dry-run", dir.at("src/"), dir.at("dst")]);
    for (const line of ["+ caf\\xe9", "+ \\xff\\xfe", "+ ok\u00e9", "+ line\\x0abreak", '+ quote"']) {
      assert(text.stdout.split("\n").includes(line), `${line} is missing in\n${text.stdout}`);
    }
    await dir.make("dst", names.flatMap((name) => [`dir ${name}`, `file ${name}/x 1 1`]));
    const failed = await blitJson(["copy", dir.at("src/"), dir.at("dst")]);
    assertEquals(failed.summary.failures.map((failure: Json) => failure.path).sort(), expected);
  },
);

Deno.test("--ndjson prints events as they happen and the summary last", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/b": "B", "dst/b/x": "X" });
  const result = await blit(["copy", "--ndjson", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 2);
  const events = result.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const entry = events.find((event) => event.type === "entry" && event.path === "a");
  assertEquals([entry?.change, entry?.kind], ["create", "file"]);
  assertEquals(events.filter((event) => event.type === "failure").map((event) => [event.path, event.code]), [[
    "b",
    "kind_conflict",
  ]]);
  const last = events.at(-1);
  assertEquals([last.type, last.status, last.files_copied, last.files_failed], ["summary", "partial", 1, 1]);
});

Deno.test("the summary for people names copied, unchanged, deleted, failed and how the bytes moved", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "12345", "dst/extra": "E" });
  const result = await blit(["mirror", "--yes", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  for (const word of [/copied/i, /unchanged/i, /deleted/i, /failed/i, /5 B/, /\/s/, /reflink|in-kernel|read\/write/]) {
    if (!word.test(result.stdout)) fail(result, `nothing matches ${word}`);
  }
  assertEquals(result.stderr, "");
});

Deno.test("-q prints failures only, -v each change, --stats more figures", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A", "src/b": "B", "dst/b/x": "X" });
  const quiet = await blit(["copy", "-q", dir.at("src/"), dir.at("dst")]);
  assertExit(quiet, 2);
  assertEquals(quiet.stdout, "");
  assertSaysOnce(quiet, /b: /);
  const verbose = await blit(["copy", "-v", "--ignore-times", dir.at("src/"), dir.at("dst")]);
  assert(verbose.stdout.split("\n").includes("~ a"), verbose.stdout);
  const [plain, stats] = [
    await blit(["copy", dir.at("src/"), dir.at("dst")]),
    await blit(["copy", "--stats", dir.at("src/"), dir.at("dst")]),
  ];
  assert(stats.stdout.split("\n").length > plain.stdout.split("\n").length, stats.stdout);
});

Deno.test("--ludicrous-speed is accepted, does nothing and says in one line that it is deprecated", async () => {
  await using dir = await testDirectory();
  await dir.write({ "src/a": "A" });
  const result = await blit(["copy", "--ludicrous-speed", dir.at("src/"), dir.at("dst")]);
  assertExit(result, 0);
  assertSaysOnce(result, /deprecated/);
  assertEquals(result.stderr.trim().split("\n").length, 1);
  assertEquals(await dir.names("dst"), ["a"]);
});

const WRONG: string[][] = [
  ["frobnicate", "a", "b"],
  ["copy"],
  ["copy", "only-one"],
  ["mirror", "a", "b", "c", "--yes"],
  ["check", "a"],
  ["copy", "--no-such-option", "a", "b"],
  ["copy", "--delete", "a", "b"],
  ["copy", "--bwlimit", "fast", "a", "b"],
  ["copy", "--bwlimit"],
  ["copy", "--max-delete", "3", "a", "b"],
  ["mirror", "--max-delete", "-1", "a", "b", "--yes"],
  ["mirror", "--delete-scope", "some", "a", "b", "--yes"],
  ["copy", "--json", "--ndjson", "a", "b"],
  ["copy", "--checksum", "--size-only", "a", "b"],
  ["copy", "", "b"],
  ["check", "--dry-run", "a", "b"],
];

Deno.test("wrong usage exits with 64, says why on standard error, and touches nothing", async () => {
  await using dir = await testDirectory();
  await dir.write({ "a/x": "X" });
  for (const args of WRONG) {
    const result = await blit(args, { cwd: dir.path });
    assertExit(result, 64);
    assertSays(result, /^blit: /);
    assertEquals([result.stdout, await dir.names()], ["", ["a", "a/x"]], args.join(" "));
  }
});

Deno.test("help in general and for each command goes to standard output and names the options", async () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    const result = await blit(args);
    assertExit(result, 0);
    for (const verb of ["copy", "mirror", "move", "check"]) assert(result.stdout.includes(verb), `${args}: ${verb}`);
  }
  const mirror = await blit(["mirror", "--help"]);
  assertExit(mirror, 0);
  for (const option of ["--max-delete", "--backup-dir", "--delete-scope", "--dry-run", "--yes", "--exclude"]) {
    assert(mirror.stdout.includes(option), option);
  }
  for (const hidden of ["--workers", "--ludicrous-speed"]) assertEquals(mirror.stdout.includes(hidden), false, hidden);
  assertEquals((await blit(["help", "mirror"])).stdout, mirror.stdout);
  assertEquals((await blit(["copy", "--help"])).stdout.includes("--max-delete"), false);
});

Deno.test("--version prints the version and the commit", async () => {
  const result = await blit(["--version"]);
  assertExit(result, 0);
  assert(/^blit \d+\.\d+\.\d+/.test(result.stdout), result.stdout);
  assertEquals((await blit(["version"])).stdout, result.stdout);
});

for (const shell of ["bash", "zsh", "fish"]) {
  testNeeding([], `completions for ${shell} name commands and options`, async () => {
    const result = await blit(["completions", shell]);
    assertExit(result, 0);
    for (const word of ["mirror", "max-delete", "backup-dir"]) assert(result.stdout.includes(word), word);
    const check = { bash: "bash", zsh: "zsh", fish: "fish" }[shell]!;
    if (command(check).missing === undefined) {
      const child = new Deno.Command(check, { args: ["-n"], stdin: "piped", stderr: "piped" }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(result.stdout));
      await writer.close();
      const output = await child.output();
      assertEquals([output.success, new TextDecoder().decode(output.stderr)], [true, ""]);
    }
  });
}

Deno.test("a reader that goes away does not stop the copy", async () => {
  await using dir = await testDirectory();
  await dir.write(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`src/some-name-${i}`, ""])));
  const shell = `{ "$0" "$@"; echo $? >'${dir.at("code")}'; } | head -n 1`;
  assertExit(await blit(["copy", "-v", dir.at("src/"), dir.at("dst")], { wrapper: ["sh", "-c", shell] }), 0);
  assertEquals([(await dir.read("code")).trim(), (await dir.names("dst")).length], ["0", 3000]);
});
