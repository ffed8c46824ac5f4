import { assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../lib/args/parse.ts";
import { type PerfRequest, resolvePerf } from "../../lib/args/resolve_tuning.ts";
import { BlitError } from "../../lib/base/errors.ts";

const requests: [words: string, request: PerfRequest][] = [
  ["diagnostics perf", { enable: undefined, clear: false }],
  ["diagnostics perf --json", { enable: undefined, clear: false }],
  ["diagnostics perf --enable", { enable: true, clear: false }],
  ["diagnostics --disable perf", { enable: false, clear: false }],
  ["diagnostics perf --clear", { enable: undefined, clear: true }],
  ["diagnostics perf --disable --clear", { enable: false, clear: true }],
];

for (const [words, request] of requests) {
  Deno.test(`request of: ${words}`, () => assertEquals(resolvePerf(parseArguments(words.split(" "))), request));
}

Deno.test("a topic that is not there cannot disturb the terminal", () => {
  const error = assertThrows(() => resolvePerf(parseArguments(["diagnostics", "a\x1b[2J"])), BlitError);
  assertEquals([error.code, error.message], ["usage", 'There are no diagnostics of "a\\x1b[2J"']);
});
