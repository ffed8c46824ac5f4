/** The table of promises in docs/design.md: each row names a test that is there. */

import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const heading = "## What blit promises, and which test holds it";

interface Row {
  readonly promise: string;
  readonly file: string;
  readonly test: string;
}

function rows(design: string): Row[] {
  const section = design.slice(design.indexOf(heading) + heading.length).split("\n## ")[0];
  const cells = [...section.matchAll(/^\|(.+)\|(.+)\|(.+)\|$/gm)].map((line) =>
    line.slice(1).map((cell) => cell.trim())
  );
  return cells.filter(([promise]) => promise !== "promise" && !/^-+$/.test(promise)).map(([promise, file, test]) => ({
    promise,
    file: file.replaceAll("`", ""),
    test,
  }));
}

/** The names of the tests as they stand in a file; what is put into them when it runs is "…". */
function testNames(source: string): Set<string> {
  const quoted = /"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;
  const texts = [...source.matchAll(quoted)].map(([, text, template]) => text ?? template);
  return new Set(texts.map((text) => text.replace(/\$\{[^}]*\}/g, "…").replace(/\\(.)/g, "$1")));
}

Deno.test("each promise names a test that is there", () => {
  const promises = rows(Deno.readTextFileSync(new URL("docs/design.md", root)));
  assert(promises.length >= 40, `only ${promises.length} rows were found`);
  const missing = promises.filter(({ file, test }) => {
    const source = Deno.readTextFileSync(new URL(`tests/${file}`, root));
    return !testNames(source).has(test);
  });
  assertEquals(missing.map(({ promise, file, test }) => `${promise}: ${file} has no test "${test}"`), []);
});

Deno.test("no promise is made twice", () => {
  const promises = rows(Deno.readTextFileSync(new URL("docs/design.md", root))).map(({ promise }) => promise);
  assertEquals(promises.filter((promise, i) => promises.indexOf(promise) !== i), []);
});
