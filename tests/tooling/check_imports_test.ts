import { assertEquals } from "@std/assert";
import { readSources, violations } from "../../.ci/check_imports.ts";

function check(files: Record<string, string>): string[] {
  return violations(new Map(Object.entries(files)));
}

Deno.test("the project keeps its own house plan", () => {
  assertEquals(violations(readSources(new URL("../../", import.meta.url))), []);
});

Deno.test("imports along the house plan pass", () => {
  const files = {
    "main.ts": `import { run } from "./lib/command/run.ts";\nDeno.exit(run());`,
    "lib/command/run.ts": `import { startJob } from "../session/run.ts";\nimport { text } from "../report/text.ts";`,
    "lib/session/run.ts": `import { assert } from "@std/assert";\nimport type { Job } from "../model/job.ts";`,
    "lib/report/text.ts": `export { type Job } from "../model/job.ts";`,
    "lib/model/job.ts": `import "../base/errors.ts";`,
    "lib/base/errors.ts": `import config from "../../deno.json" with { type: "json" };`,
  };
  assertEquals(check(files), []);
});

const wrongDirections: Record<string, [path: string, code: string]> = {
  "a static import": ["lib/scan/walk.ts", `import { a } from "../plan/compare.ts";`],
  "an import over several lines": ["lib/plan/compare.ts", `import {\n  a,\n  b,\n} from "../scan/walk.ts";`],
  "an import of types": ["lib/wire/codec.ts", `import type { A } from "../report/text.ts";`],
  "an inline import of a type": ["lib/report/text.ts", `let a: import("../wire/codec.ts").A;`],
  "a re-export": ["lib/base/errors.ts", `export * from "../model/job.ts";`],
  "an import for effect": ["lib/carrier/tcp.ts", `import "../session/run.ts";`],
  "a dynamic import": ["lib/session/run.ts", `const { a } = await import("../report/text.ts");`],
  "a short cut past the command": ["main.ts", `import { a } from "./lib/session/run.ts";`],
};

for (const [what, [path, code]] of Object.entries(wrongDirections)) {
  Deno.test(`${what} against the house plan is found`, () => {
    const found = check({ [path]: code });
    assertEquals(found.length, 1);
    assertEquals(found[0].startsWith(`${path}: imports lib/`), true, found[0]);
  });
}

Deno.test("a file outside the rooms is found", () => {
  assertEquals(check({ "lib/helpers/x.ts": "" }), [`lib/helpers/x.ts: "helpers" is no room of the house plan`]);
});

Deno.test("a cycle between files of one room is found", () => {
  const files = {
    "lib/plan/a.ts": `import "./b.ts";`,
    "lib/plan/b.ts": `import "./c.ts";`,
    "lib/plan/c.ts": `import type { A } from "./a.ts";`,
  };
  assertEquals(check(files), ["import cycle: lib/plan/a.ts -> lib/plan/b.ts -> lib/plan/c.ts -> lib/plan/a.ts"]);
});

Deno.test("reserved calls are found where they do not belong, and not in comments", () => {
  assertEquals(check({ "lib/scan/walk.ts": `Deno.dlopen("x", {});` }), [
    "lib/scan/walk.ts: Deno.dlopen stands in lib/native/ only",
  ]);
  assertEquals(check({ "lib/command/copy.ts": "Deno.exit(1);" }), [
    "lib/command/copy.ts: Deno.exit stands in main.ts only",
  ]);
  assertEquals(check({ "lib/command/copy.ts": "// Deno.exit(1)\n/** Deno.dlopen */\nDeno.exitCode = 1;" }), []);
});
