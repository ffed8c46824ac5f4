import { assertEquals, assertThrows } from "@std/assert";
import type { Inputs } from "../../lib/args/lists.ts";
import { parseArguments } from "../../lib/args/parse.ts";
import { type OutputOptions, type Request, resolveJob } from "../../lib/args/resolve.ts";
import { BlitError } from "../../lib/base/errors.ts";
import { defaultNetwork, type Job, type Verb } from "../../lib/model/job.ts";

const noInputs: Inputs = {
  readFile: () => {
    throw new Error("no file is expected to be read");
  },
  readStandardInput: () => {
    throw new Error("standard input is not expected to be read");
  },
};

function resolve(words: string[], inputs = noInputs): Request {
  const typed = parseArguments(words);
  return resolveJob(typed.verb!.name as Verb, typed, inputs);
}

Deno.test("a plain copy has the documented defaults", () => {
  assertEquals(resolve(["copy", "a", "b"]), {
    job: {
      verb: "copy",
      sources: ["a"],
      destination: "b",
      dryRun: false,
      compare: "quick",
      ignoreExisting: false,
      filter: {
        rules: [],
        filesFrom: undefined,
        minSize: undefined,
        maxSize: undefined,
        minAgeMs: undefined,
        maxAgeMs: undefined,
      },
      deletion: { scope: "subset", max: undefined },
      backupDir: undefined,
      bandwidthLimit: 0,
      fsync: false,
      verify: false,
      discard: false,
      oneWay: false,
      oneFileSystem: false,
      forceSpace: false,
      workers: 0,
      plaid: false,
      stallTimeoutMs: 10_000,
      network: defaultNetwork,
      itemize: false,
    },
    output: { format: "text", quiet: false, verbose: false, progress: undefined, stats: false },
    assumeYes: false,
    remarks: [],
  });
});

const jobs: [words: string, expected: Partial<Job>][] = [
  ["copy a b c/", { sources: ["a", "b"], destination: "c/" }],
  ["move a b c", { verb: "move", sources: ["a", "b"], destination: "c" }],
  ["copy --null a", { discard: true, sources: ["a"], destination: undefined }],
  ["copy --null a b", { discard: true, sources: ["a"], destination: "b" }],
  ["copy -n a b", { dryRun: true, itemize: true }],
  ["copy -n -q a b", { dryRun: true, itemize: false }],
  ["copy -n -q --json a b", { dryRun: true, itemize: true }],
  ["copy --json a b", { itemize: false }],
  ["copy -v a b", { itemize: true }],
  ["copy --ndjson a b", { itemize: true }],
  ["check a b", { verb: "check", itemize: true, oneWay: false }],
  ["check -q a b", { itemize: false }],
  ["check --one-way --checksum a b", { oneWay: true, compare: "checksum" }],
  ["copy --checksum a b", { compare: "checksum" }],
  ["copy -c a b", { compare: "checksum" }],
  ["copy --size-only a b", { compare: "size" }],
  ["copy --ignore-times a b", { compare: "always" }],
  ["copy --ignore-existing a b", { ignoreExisting: true }],
  ["mirror --max-delete 10 --delete-scope all a b", { deletion: { scope: "all", max: 10 } }],
  ["mirror --max-delete 0 a b", { deletion: { scope: "subset", max: 0 } }],
  ["mirror --backup-dir old a b", { backupDir: "old" }],
  ["copy --bwlimit 10M a b", { bandwidthLimit: 10 * 1024 ** 2 }],
  ["copy --bwlimit 0 a b", { bandwidthLimit: 0 }],
  ["copy --fsync --verify a b", { fsync: true, verify: true }],
  ["copy --workers 3 a b", { workers: 3 }],
  ["mirror --plaid a b", { plaid: true, workers: 0 }],
  ["copy --stall-timeout 2 a b", { stallTimeoutMs: 2000 }],
  ["copy a host:/m/b", { stallTimeoutMs: 60_000 }],
  ["copy ./a:b b", { stallTimeoutMs: 10_000 }],
  ["check --stall-timeout 1m30s a b", { stallTimeoutMs: 90_000 }],
  ["copy --stall-timeout=0 a b", { stallTimeoutMs: Infinity }],
];

for (const [words, expected] of jobs) {
  Deno.test(`job of: ${words}`, () => {
    const job = resolve(words.split(" ")).job;
    const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, job[key as keyof Job]]));
    assertEquals(seen, expected);
  });
}

Deno.test("limits on size and age are bytes and milliseconds", () => {
  const words = "copy --min-size 1K --max-size 1GiB --min-age 30s --max-age 4w a b";
  const { minSize, maxSize, minAgeMs, maxAgeMs } = resolve(words.split(" ")).job.filter;
  assertEquals([minSize, maxSize, minAgeMs, maxAgeMs], [1024, 1024 ** 3, 30_000, 28 * 86_400_000]);
});

const outputs: [words: string, expected: Partial<OutputOptions>][] = [
  ["copy --json a b", { format: "json" }],
  ["copy --ndjson a b", { format: "ndjson" }],
  ["copy -q a b", { quiet: true }],
  ["copy -v a b", { verbose: true }],
  ["copy -vv a b", { verbose: true }],
  ["copy --stats a b", { stats: true }],
  ["copy --progress a b", { progress: true }],
  ["copy --no-progress a b", { progress: false }],
  ["copy --progress --no-progress a b", { progress: false }],
  ["copy --no-progress --progress a b", { progress: true }],
];

for (const [words, expected] of outputs) {
  Deno.test(`output of: ${words}`, () => {
    const output = resolve(words.split(" ")).output;
    const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, output[key as keyof OutputOptions]]));
    assertEquals(seen, expected);
  });
}

Deno.test("yes is remembered", () => assertEquals(resolve(["mirror", "-y", "a", "b"]).assumeYes, true));

Deno.test("the worker limiter has a banner, the deprecated flag a line, each only when given", () => {
  assertEquals(resolve(["copy", "--workers=2", "a", "b"]).remarks, ["[DEBUG] Worker limiter active"]);
  assertEquals(resolve(["copy", "--workers=0", "a", "b"]).remarks, []);
  const { remarks } = resolve(["copy", "--ludicrous-speed", "a", "b"]);
  assertEquals(remarks, ["blit: --ludicrous-speed is deprecated and does nothing"]);
});

Deno.test("plaid comes with a warning of one line", () => {
  assertEquals(resolve(["copy", "--plaid", "a", "b"]).remarks, ["blit: --plaid is unstable and may overheat SSDs"]);
});

const refused: [words: string[], message: string][] = [
  [["copy"], "`blit copy` needs a source and a destination"],
  [["copy", "a"], '`blit copy` needs a destination behind "a"'],
  [["copy", "--null"], "`blit copy` needs a source and a destination"],
  [["mirror", "a", "b", "c"], "`blit mirror` takes one source and one destination, 3 paths were given"],
  [["check", "a", "b", "c"], "`blit check` takes one source and one destination, 3 paths were given"],
  [["copy", "", "b"], "A path is empty"],
  [["copy", "--null", ""], "A path is empty"],
  [["copy", "--min-size", "1x", "a", "b"], 'Option "--min-size" needs a size such as 512, 10K, 1.5GiB, not "1x"'],
  [["copy", "--max-age", "old", "a", "b"], 'Option "--max-age" needs an age such as 30s, 10m, 2h, 7d, 4w, not "old"'],
  [
    ["copy", "--bwlimit", "1000", "a", "b"],
    'Option "--bwlimit" needs a rate with its unit such as 500K, 10M, 1.5GiB, or 0 for no limit, not "1000"',
  ],
  [["mirror", "--max-delete", "-1", "a", "b"], 'Option "--max-delete" needs a whole number, not "-1"'],
  [
    ["copy", "--stall-timeout", "soon", "a", "b"],
    'Option "--stall-timeout" needs a time such as 500ms, 2s, 1m, not "soon"',
  ],
  [["mirror", "--delete-scope", "some", "a", "b"], 'Option "--delete-scope" needs "subset" or "all", not "some"'],
  [["mirror", "--backup-dir", "", "a", "b"], 'Option "--backup-dir" needs a path'],
  [["copy", "--exclude", "", "a", "b"], 'Option "--exclude" needs a pattern'],
  [
    ["copy", "--min-size=2K", "--max-size=1K", "a", "b"],
    '"--min-size" is above "--max-size", so nothing would be left',
  ],
  [["copy", "--min-age=2h", "--max-age=1h", "a", "b"], '"--min-age" is above "--max-age", so nothing would be left'],
  [["copy", "--files-from=-", "--exclude-from=-", "a", "b"], "Only one option can read standard input"],
];

for (const [words, message] of refused) {
  Deno.test(`refused: ${words.join(" ")}`, () => {
    const error = assertThrows(() => resolve(words), BlitError);
    assertEquals([error.code, error.message], ["usage", message]);
  });
}

Deno.test("--files-from needs exactly one source", () => {
  const inputs = { ...noInputs, readFile: () => new TextEncoder().encode("x\n") };
  assertEquals(resolve(["copy", "--files-from", "list", "a", "b"], inputs).job.filter.filesFrom, ["x"]);
  const error = assertThrows(() => resolve(["copy", "--files-from", "list", "a", "b", "c"], inputs), BlitError);
  assertEquals(error.message, '"--files-from" needs exactly one source, 2 were given');
});
