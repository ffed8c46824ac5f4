/** What the filter costs for 100,000 paths: `deno bench bench/micro/filter_bench.ts`. */

import type { FilterOptions } from "../../lib/model/job.ts";
import { compileFilter } from "../../lib/scan/filter.ts";

const pathCount = 100_000;
const paths = makePaths();

bench("no rule", []);
bench("one literal name", ["node_modules"]);
bench("one suffix", ["*.o"]);
bench("one anchored literal", ["/build1/cache"]);
bench("one path with an inner slash", ["build1/*.o"]);
bench("two stars", ["/src*/**/index*"]);
bench("four stars in a name", ["*ta*_*1*.o"]);
bench("a class", ["[a-c]*[0-9]"]);
bench("ten mixed rules", [
  ".git",
  "node_modules",
  "*.o",
  "*.tmp",
  "/build1",
  "*~",
  "cache*/",
  "test?/data*",
  "**/draft*/**",
  "*_[0-9]7.log",
]);
bench("a hundred literal names", Array.from({ length: 100 }, (_, index) => `name${index}`));
bench("a list of a thousand entries", [], paths.filter((_, index) => index % 100 === 0));

function bench(name: string, patterns: string[], filesFrom?: string[]): void {
  const options: FilterOptions = {
    rules: patterns.map((pattern) => ({ action: "exclude", pattern })),
    filesFrom,
  };
  const filter = compileFilter(options, 0);
  Deno.bench(name, () => {
    let included = 0;
    for (const path of paths) if (filter.includesFile(path)) included++;
    if (included > pathCount) throw new Error("Cannot be: more paths included than there are");
  });
}

/** The same paths in every run; grouped by directory, as a scan delivers them. */
function makePaths(): string[] {
  const words = "src lib node_modules test data build cache beta gamma image report final draft index main".split(" ");
  const extensions = ["ts", "o", "txt", "jpg", "tar.gz", "log"];
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  return Array.from({ length: pathCount / 100 }, () => {
    const directory = Array.from({ length: 1 + random(5) }, () => words[random(words.length)] + random(10)).join("/");
    return Array.from(
      { length: 100 },
      (_, index) => `${directory}/${words[random(words.length)]}_${index}.${extensions[random(extensions.length)]}`,
    );
  }).flat();
}
