/** The comparison tables of the README, each made from one file of results: one of local rows, one of rows between machines. */

import { BenchError } from "./failure.ts";
import { type ContenderResult, finishers, type Results, type RowResult, walls } from "./result.ts";
import { median } from "./statistics.ts";
import { showRatio, showTime } from "./units.ts";
import { compareWith, referenceOf } from "./verdict.ts";

const columns = [
  { id: "blit", title: "blit" },
  { id: "cp", title: "cp -a" },
  { id: "rsync", title: "rsync -a" },
  { id: "rsyncd", title: "rsync daemon" },
  { id: "rclone", title: "rclone" },
  { id: "xcp", title: "xcp" },
  { id: "fcp", title: "fcp" },
  { id: "tar", title: "tar to tar" },
] as const;

/** `text` with the table of that kind of results replaced. Raises BenchError when its markers are missing. */
export function replaceTable(text: string, results: Results): string {
  const name = results.rows.some(({ place }) => place.includes(":")) ? "bench-remote" : "bench";
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new BenchError(`Cannot find the markers "${begin}" and "${end}" in the README`);
  return `${text.slice(0, from + begin.length)}\n\n${renderMarkdown(results)}\n${text.slice(to)}`;
}

/** Markdown: one line per row, times with how many times blit's they are, and what was measured how. */
export function renderMarkdown(results: Results): string {
  const present = columns.filter(({ id }) => results.rows.some((row) => finishers(row).some((one) => one.id === id)));
  const titles = ["workload", "place", ...present.map(({ title }) => title), "limit (C)"];
  const lines = [
    `| ${titles.join(" | ")} |`,
    `| --- | --- |${" ---: |".repeat(titles.length - 2)}`,
    ...results.rows.map((row) => `| ${cellsOf(row, present.map(({ id }) => id)).join(" | ")} |`),
    "",
    footnote(results),
  ];
  return lines.join("\n") + "\n";
}

function cellsOf(row: RowResult, ids: readonly string[]): string[] {
  const all = finishers(row);
  const reference = referenceOf(row);
  const find = (id: string) => all.find((one) => one.id === id);
  const cells = ids.map((id) => cell(find(id), reference));
  const floors = all.filter((one) => one.role === "floor").sort((a, b) => median(walls(a)) - median(walls(b)));
  return [row.title, row.place, ...cells, cell(floors[0], reference)];
}

function cell(contender: ContenderResult | undefined, reference: ContenderResult | undefined): string {
  if (!contender) return "";
  const time = showTime(median(walls(contender)));
  if (!reference || contender === reference) return reference?.role === "blit" ? `**${time}**` : time;
  const { ratio, judgement } = compareWith(reference, contender);
  return judgement === "undecided" ? `${time} (≈)` : `${time} (${showRatio(ratio.value)}×)`;
}

function footnote(results: Results): string {
  const { machine, runs } = results;
  const versions = results.tools.flatMap((tool) => "version" in tool ? [tool.version] : []).join("; ");
  return [
    `Medians of at least ${runs} runs taken in turns, in brackets how many times blit's time; ≈ where the 95 % interval`,
    "includes 1. rsync and cp get `--delete` and `-u` where a tree is mirrored again; `limit` is a C program",
    `with only the necessary system calls. ${machine.cpu}, ${machine.cores} cores${
      machine.virtual ? " (virtual)" : ""
    },`,
    `${machine.memory_gib} GiB, ${machine.kernel}, ${results.caches ?? "warm"} caches, no fsync, ${
      results.started.slice(0, 10)
    }. ${versions}.`,
    `Made with \`${results.command}\`${results.scale === 1 ? "" : ` (scale ${results.scale})`}.`,
  ].join("\n");
}
