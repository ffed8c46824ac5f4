import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BenchError } from "../../bench/failure.ts";
import { renderMarkdown, replaceTable } from "../../bench/readme.ts";
import { type ContenderResult, loadResults, type RowResult, saveResults } from "../../bench/result.ts";
import { renderRow } from "../../bench/table.ts";
import { targetVerdicts } from "../../bench/verdict.ts";
import { blit, contender, cp, floor, results, row, rsync } from "./sample_results.ts";

const full = { cores: 2, scale: 1 };

function lineOf(text: string, start: string): string {
  return text.split("\n").find((line) => line.startsWith(start)) ?? "";
}

Deno.test("the table compares everybody with blit and names no winner where the interval includes 1", () => {
  const text = renderRow(row([blit, floor, rsync, cp]), full);
  assertStringIncludes(text, "many small files (1,000 files, 10 directories, 5.0 MiB)");
  assertStringIncludes(text, "vs blit");
  assertStringIncludes(lineOf(text, "rsync"), "4.00");
  assert(lineOf(text, "rsync").endsWith("slower"));
  assert(lineOf(text, "floor").endsWith("faster"));
  assert(lineOf(text, "cp").endsWith("undecided"));
});

Deno.test("without blit the floor is what others are compared with", () => {
  const text = renderRow(row([floor, rsync]), full);
  assertStringIncludes(text, "vs floor");
  assertStringIncludes(lineOf(text, "rsync"), "4.31");
});

Deno.test("who failed has its reason instead of times", () => {
  const wrong = contender("tar", "peer", [1], { failure: "wrong result: 3 differences" });
  const text = renderRow(row([blit, wrong]), full);
  assertEquals(lineOf(text, "tar"), "tar: wrong result: 3 differences");
});

Deno.test("too few runs are said to be too few", () => {
  const text = renderRow(row([contender("blit", "blit", [1, 1]), contender("cp", "peer", [9, 9])]), full);
  assert(lineOf(text, "cp").endsWith("too few runs"));
});

Deno.test("other work on the machine and filled holes are noted", () => {
  const samples = blit.samples.map((sample) => ({ ...sample, other_ms: sample.wall_ms }));
  const occupied = { source: 100 * 2 ** 20, destination: 10 * 2 ** 30 };
  const text = renderRow(row([{ ...blit, samples, occupied }]), full);
  assertStringIncludes(text, "other work (the kernel's own included) took 50 % of the cores");
  assertStringIncludes(text, "blit filled holes: 10.0 GiB instead of 100 MiB");
});

Deno.test("targets are met, missed, or undecided", () => {
  const states = (contenders: ContenderResult[], more?: Partial<RowResult>) =>
    targetVerdicts(row(contenders, more), 1).map(({ wanted, state }) => `${wanted}: ${state}`);
  assertEquals(states([blit, floor, rsync, cp]), [
    "3.00 times as fast as rsync: met",
    "2.00 times as fast as cp: missed",
    "within 1.25 of the floor: met",
  ]);
  const near = contender("rsync", "peer", [2000, 2200, 2100, 2150, 2050]);
  assertEquals(states([blit, near]), ["3.00 times as fast as rsync: undecided"]);
  assertEquals(states([blit], { workload: "one2g", place: "xfs" }), ["under 100 ms: missed"]);
  const quick = contender("blit", "blit", [30, 31, 29, 30, 30]);
  const empty = contender("empty", "baseline", [20, 20, 20, 21, 20]);
  assertEquals(states([quick, empty], { workload: "tiny" }), ["at most 15 ms over the empty: met"]);
  assertEquals(states([floor, rsync]), []);
  assertEquals(targetVerdicts(row([blit, floor, rsync, cp]), 0.1), []);
});

Deno.test("the README's table has a column for each tool that took part, and the way it was made", () => {
  const markdown = renderMarkdown(results([row([blit, floor, rsync, cp])]));
  const lines = markdown.split("\n");
  assertEquals(lines[0], "| workload | place | blit | cp -a | rsync -a | limit (C) |");
  assertEquals(lines[2], "| many small files | tmpfs | **700 ms** | 701 ms (≈) | 2.80 s (4.00×) | 650 ms (0.93×) |");
  assertStringIncludes(markdown, "Made with `deno task bench local`.");
  assertStringIncludes(markdown, "Some CPU, 2 cores (virtual)");
});

Deno.test("only what stands between the markers is replaced", () => {
  const readme =
    "# x\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n<!-- bench-remote:begin --><!-- bench-remote:end -->\n";
  const local = results([row([blit, rsync])]);
  const once = replaceTable(readme, local);
  assertStringIncludes(once, `# x\n<!-- bench:begin -->\n\n${renderMarkdown(local)}\n<!-- bench:end -->\n`);
  assertStringIncludes(once, "<!-- bench-remote:begin --><!-- bench-remote:end -->\n");
  assertEquals(replaceTable(once, local), once);
  const remote = results([
    row([blit, contender("rsyncd", "peer", [2800, 2790, 2810, 2805, 2795])], { place: "push:veth" }),
  ]);
  const both = replaceTable(once, remote);
  assertStringIncludes(both, "| workload | place | blit | rsync daemon | limit (C) |");
  assertStringIncludes(both, renderMarkdown(local));
  assertThrows(() => replaceTable("# no markers", local), BenchError);
});

Deno.test("results survive being saved and loaded; another schema is refused", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const saved = results([row([blit, rsync])]);
    await saveResults(`${directory}/deep/one.json`, saved);
    assertEquals(await loadResults(`${directory}/deep/one.json`), saved);
    await Deno.writeTextFile(`${directory}/other.json`, JSON.stringify({ ...saved, schema: 99 }));
    let message = "";
    await loadResults(`${directory}/other.json`).catch((error) => message = error.message);
    assertStringIncludes(message, "schema 99");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
