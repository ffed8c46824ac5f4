/** What a local job loads: packages of the network would cost every start of it. */

import { assert, assertEquals } from "@std/assert";
import { readSources } from "../../.ci/check_imports.ts";

const sources = readSources(new URL("../../", import.meta.url));

/** Specifiers of the imports that are loaded with a module, types left out. */
function staticImports(code: string): string[] {
  const plain = code.replace(/\/\*[\s\S]*?\*\//g, "");
  const statements = plain.matchAll(/^(?:import|export)\b(?!\s+type\b)[^;"']*?\bfrom\s*["']([^"']+)["']/gm);
  return [...statements].map(([, specifier]) => specifier);
}

/** Everything that is loaded with a module of the project: its own modules, and packages by their names. */
function closure(start: string, found = new Set<string>()): Set<string> {
  if (found.has(start)) return found;
  found.add(start);
  for (const specifier of staticImports(sources.get(start) ?? "")) {
    if (specifier.startsWith(".")) closure(new URL(specifier, `file:///${start}`).pathname.slice(1), found);
    else found.add(specifier);
  }
  return found;
}

for (const start of ["main.ts", "lib/command/copy.ts", "lib/command/mirror.ts", "lib/session/run.ts"]) {
  Deno.test(`${start} loads no package and nothing of the network`, () => {
    const loaded = [...closure(start)];
    assert(loaded.length > 3);
    const packages = loaded.filter((name) => !name.startsWith("lib/") && name !== "main.ts" && !name.endsWith(".json"));
    assertEquals(packages, []);
    assertEquals(loaded.filter((name) => /^lib\/(daemon|wire|carrier)\//.test(name)), []);
  });
}

Deno.test("the commands of the network do load Connect, so this test would see it", () => {
  assert(closure("lib/command/ls.ts").has("@connectrpc/connect"));
});
