import { assertEquals, assertThrows } from "@std/assert";
import { type LocalOptions, parseArgs } from "../../bench/args.ts";
import { BenchError } from "../../bench/failure.ts";

function local(...argv: string[]): LocalOptions {
  const command = parseArgs(["local", ...argv]);
  if (command.verb !== "local") throw new Error(`parsed as ${command.verb}`);
  return command.options;
}

Deno.test("without options everything is measured at full size, five times", () => {
  const options = local();
  assertEquals([options.scale, options.runs, options.placesGiven], [1, 5, false]);
  assertEquals(options.places, ["tmpfs", "xfs", "ext4", "btrfs", "cross"]);
  assertEquals(options.only.includes("small100k") && options.only.includes("one2g"), true);
});

Deno.test("--quick is smaller, and what is given beside it wins", () => {
  assertEquals(local("--quick").scale, 0.1);
  assertEquals(local("--quick").places, ["tmpfs", "xfs"]);
  assertEquals(local("--quick", "--scale", "0.5", "--place=ext4,/some/dir").scale, 0.5);
  assertEquals(local("--quick", "--place=ext4,/some/dir").places, ["ext4", "/some/dir"]);
});

Deno.test("rows and peers are named in lists", () => {
  const options = local("--only", "tiny,one2g", "--peers", "cp", "--runs", "7", "--json", "out.json");
  assertEquals([options.only, options.peers, options.runs, options.json], [["tiny", "one2g"], ["cp"], 7, "out.json"]);
  assertEquals(local("--peers", "none").peers, []);
});

Deno.test("tune measures a few rows at a tenth of the size, and takes what is given", () => {
  const tune = (...argv: string[]) => {
    const command = parseArgs(["tune", ...argv]);
    if (command.verb !== "tune") throw new Error(`parsed as ${command.verb}`);
    return command.options;
  };
  const options = tune();
  assertEquals([options.scale, options.runs, options.places, options.history], [0.1, 11, ["tmpfs", "ext4"], undefined]);
  assertEquals(options.only.includes("tiny"), true);
  assertEquals(tune("--quick").places, ["tmpfs"]);
  assertEquals([tune("--history", "/x").history, tune("--only=deep").only], ["/x", ["deep"]]);
});

Deno.test("scale takes counts in any order, and leaves the rounds to the count unless told", () => {
  const scale = (...argv: string[]) => {
    const command = parseArgs(["scale", ...argv]);
    if (command.verb !== "scale") throw new Error(`parsed as ${command.verb}`);
    return command.options;
  };
  assertEquals([scale().counts, scale().runs], [[10_000, 100_000, 1_000_000, 4_000_000], undefined]);
  assertEquals([scale("--counts", "5000,200").counts, scale("--runs=7").runs], [[200, 5000], 7]);
});

Deno.test("what is not understood is an error", () => {
  for (
    const argv of [
      ["locl"],
      ["local", "--fast"],
      ["local", "--only", "huge"],
      ["local", "--peers", "xyz"],
      ["local", "--scale", "0"],
      ["local", "--runs", "many"],
      ["local", "--json"],
      ["local", "--history", "/x"],
      ["tune", "--peers", "cp"],
      ["scale", "--counts", "many"],
      ["scale", "--quick"],
      ["micro", "--runs", "1"],
      ["readme"],
    ]
  ) assertThrows(() => parseArgs(argv), BenchError, undefined, argv.join(" "));
});

Deno.test("two files are compared, one is drawn", () => {
  assertEquals(parseArgs(["compare", "old.json", "new.json"]), {
    verb: "compare",
    before: "old.json",
    after: "new.json",
  });
  assertThrows(() => parseArgs(["compare", "old.json"]), BenchError, "name an old and a new file");
  assertEquals(parseArgs(["chart", "some.json"]), { verb: "chart", file: "some.json" });
  assertThrows(() => parseArgs(["chart"]), BenchError, "Cannot make the chart");
});

Deno.test("--cold is for local rows alone", () => {
  assertEquals([local().cold, local("--cold").cold], [false, true]);
  assertThrows(() => parseArgs(["remote", "--cold"]), BenchError, "Unknown option");
});
