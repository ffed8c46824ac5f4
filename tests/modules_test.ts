/** Loads every module of lib/, so that coverage also counts the lines of those that no other test loads. */

import { readSources } from "../.ci/check_imports.ts";

const root = new URL("../", import.meta.url);

for (const path of readSources(root).keys()) {
  if (!path.startsWith("lib/")) continue;
  Deno.test(`${path} loads without the rest of the program`, async () => {
    await import(new URL(path, root).href);
  });
}
