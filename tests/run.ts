/**
 * Runs all tests of blit and closes with one line of counts: `N passed, N failed, N skipped`.
 *
 *     deno task test                  the shim's C tests under sanitizers, then every *_test.ts with the coverage of lib/
 *     deno task test tests/scan ...   only these test files or folders (any argument of `deno test`), without the rest
 *
 * Coverage counts what tests load and what the blit processes that they start load: those inherit DENO_COVERAGE_DIR.
 * With BLIT_TEST_REQUIRE=1 a skipped test is a failure (support/needs.ts names the reason).
 */

import { buildLibrary } from "../native/build.ts";
import { type Counts, runSanitizedTests } from "../native/sanitize.ts";
import { lineCoverage } from "./coverage.ts";

const root = new URL("../", import.meta.url);
const coverageGoalPercent = 85;

async function main(args: string[]): Promise<boolean> {
  const built = await oneFailureIfThrown(async () => {
    if (await buildLibrary() === "no compiler") console.log("No C compiler: the tests run on the slower portable path");
    return nothing;
  });
  if (built.failed > 0) return close([built]);
  if (args.length > 0) return close([await denoTest(args)]);

  const native = await oneFailureIfThrown(runSanitizedTests);
  const coverageDir = await Deno.makeTempDir({ prefix: "blit-coverage-" });
  try {
    // Tests start blit without root's privileges too, and its coverage belongs into the same folder.
    await Deno.chmod(coverageDir, 0o1777);
    const tests = await denoTest(["--coverage-raw-data-only", "tests/"], { DENO_COVERAGE_DIR: coverageDir });
    const covered = await lineCoverage(coverageDir, new URL("lib/", root));
    const percent = 100 * covered.hit / covered.found;
    console.log(`Coverage of lib/: ${percent.toFixed(1)} % of lines (${covered.hit} of ${covered.found})`);
    const enough = percent >= coverageGoalPercent;
    if (!enough) {
      console.log(`That is less than ${coverageGoalPercent} %. Most lines are missed in:`);
      for (const file of covered.files.slice(0, 10)) {
        console.log(`  ${file.missed} of ${file.found} lines of ${file.path}`);
      }
    }
    return close([native, tests]) && enough;
  } finally {
    await Deno.remove(coverageDir, { recursive: true });
  }
}

const nothing: Counts = { passed: 0, failed: 0, skipped: 0 };

/** C that does not compile is one failed test, with the compiler's words. */
async function oneFailureIfThrown(part: () => Promise<Counts>): Promise<Counts> {
  try {
    return await part();
  } catch (error) {
    console.log((error as Error).message);
    return { ...nothing, failed: 1 };
  }
}

/** Prints the closing line; true when nothing failed (and, where required, nothing was skipped). */
function close(parts: Counts[]): boolean {
  const sum = (of: keyof Counts) => parts.reduce((total, part) => total + part[of], 0);
  const required = Deno.env.get("BLIT_TEST_REQUIRE") === "1" && sum("skipped") > 0;
  if (required) console.log("BLIT_TEST_REQUIRE=1: a skipped test is a failure here");
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  return sum("failed") === 0 && !required;
}

/** Runs `deno test` in the project's root with its output shown as it comes, and counts from its closing line. */
async function denoTest(args: string[], env: Record<string, string> = {}): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--parallel", "--no-check", ...args],
    cwd: root,
    // Tests leave the performance history of whoever runs them alone.
    env: { BLIT_DISABLE_PERF_HISTORY: "1", ...env },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await writeAll(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-2000);
  }
  const { success } = await child.status;
  const counts = closingCounts(tail);
  // A test process that died or could not load a file tells no count of its own.
  return success || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/** Reads "ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)". */
export function closingCounts(output: string): Counts {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const lines = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*$/gm)];
  const line = lines.at(-1)?.[0] ?? "";
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}

if (import.meta.main) Deno.exitCode = await main(Deno.args) ? 0 : 1;
