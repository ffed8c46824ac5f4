/** A bar chart of one file of results: how many times blit's time each contender took, row by row. SVG, drawn by ECharts. */

// Named here and not in deno.json: whoever only runs blit need not fetch it.
// deno-lint-ignore no-import-prefix
import * as echarts from "npm:echarts@6.1.0";
import { finishers, type Results, type RowResult, walls } from "./result.ts";
import { median } from "./statistics.ts";
import { referenceOf } from "./verdict.ts";

const barPx = 14;
const rowGapPx = 18;
const frame = { left: 190, right: 60, top: 70, bottom: 60 };
const widthPx = 960;

/** Rows without blit are left out. */
export function chartOf(results: Results): string {
  const rows = results.rows.filter((row) => referenceOf(row)?.role === "blit");
  const series = seriesOf(rows);
  const height = frame.top + frame.bottom + rows.length * (series.length * barPx + rowGapPx);
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: widthPx, height });
  chart.setOption({
    animation: false,
    title: { text: "Times as long as blit (less is faster)", subtext: subtitle(results), left: "center" },
    legend: { bottom: 10 },
    grid: frame,
    xAxis: { type: "log", min: 0.1, name: "×", axisLabel: { formatter: (value: number) => String(value) } },
    yAxis: { type: "category", inverse: true, data: rows.map(({ workload, place }) => `${workload} (${place})`) },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** One series for each contender: blit first, then in the order they appear. */
function seriesOf(rows: readonly RowResult[]) {
  const all = rows.flatMap((row) => finishers(row).filter(({ role }) => role !== "baseline"));
  const names = [...new Set(all.map(({ role, id }) => nameOf(role, id)))];
  return names.map((name) => ({
    name,
    type: "bar" as const,
    barWidth: barPx - 3,
    data: rows.map((row) => ratioIn(row, name) ?? "-"),
    label: { show: true, position: "right" as const, formatter: "{c}", fontSize: 10 },
  }));
}

function nameOf(role: string, id: string): string {
  return role === "floor" ? "limit (C)" : id;
}

function ratioIn(row: RowResult, name: string): number | undefined {
  const one = finishers(row).find(({ role, id }) => nameOf(role, id) === name);
  const reference = referenceOf(row);
  if (!one || !reference) return undefined;
  return Math.round(100 * median(walls(one)) / median(walls(reference))) / 100;
}

function subtitle({ machine, started, runs }: Results): string {
  return `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, ${
    started.slice(0, 10)
  }; medians of ${runs} runs or more`;
}
