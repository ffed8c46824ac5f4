import { assertEquals } from "@std/assert";
import { BlitError } from "../../lib/base/errors.ts";
import { exitCodeOf } from "../../lib/command/exit_code.ts";
import type { Summary } from "../../lib/model/event.ts";
import { summary } from "../report/sample.ts";

const same: Partial<Summary> = { verb: "check", filesCopied: 0, directoriesCreated: 0 };

const codes: [name: string, changes: Partial<Summary>, code: number][] = [
  ["all done", { status: "ok" }, 0],
  ["some files failed", { status: "partial" }, 2],
  ["could not be done", { status: "failed" }, 1],
  ["interrupted", { status: "interrupted" }, 130],
  ["a dry run that found work", { status: "ok", dryRun: true }, 0],
  ["a check without differences", same, 0],
  ["a check that found a missing or different file", { ...same, filesCopied: 1 }, 2],
  ["a check that found different metadata", { ...same, filesMetadataOnly: 1 }, 2],
  ["a check that found a file too many", { ...same, filesDeleted: 1 }, 2],
  ["a check that found a directory missing", { ...same, directoriesCreated: 1 }, 2],
  ["a check that found a directory too many", { ...same, directoriesDeleted: 1 }, 2],
  ["a check that was interrupted", { ...same, filesCopied: 1, status: "interrupted" }, 130],
];

for (const [name, changes, code] of codes) {
  Deno.test(`exit code ${code}: ${name}`, () => assertEquals(exitCodeOf(summary(changes)), code));
}

Deno.test("fatal errors have the exit code of their kind", () => {
  const codeOf = (code: "usage" | "failed" | "interrupted") => new BlitError(code, "x").exitCode;
  assertEquals([codeOf("usage"), codeOf("failed"), codeOf("interrupted")], [64, 1, 130]);
  assertEquals(BlitError.from(new TypeError("x")).exitCode, 1);
});
