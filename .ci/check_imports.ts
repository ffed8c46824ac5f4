/**
 * Holds the house plan: which room of lib/ may import which, no cycle between files, and which words stand in one place only.
 *
 *     deno run --allow-read .ci/check_imports.ts       exit 0: it holds; 1: each violation on a line
 *
 * Imports of types count too: who needs another room's types knows that room.
 */

const everyStage = ["endpoint", "scan", "plan", "tune", "wire", "carrier", "native", "session", "daemon"];

/** Room to the rooms it may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["base", "command"],
  base: ["deno.json"],
  model: ["base"],
  args: ["base", "model"],
  endpoint: ["base", "model", "native"],
  native: ["base", "model"],
  scan: ["base", "model", "native"],
  plan: ["base", "model"],
  tune: ["base", "model", "native"],
  wire: ["base", "model"],
  carrier: ["base", "model", "wire", "native"],
  session: ["base", "model", "endpoint", "scan", "plan", "wire", "carrier", "native", "tune"],
  daemon: ["base", "model", ...everyStage],
  report: ["base", "model"],
  command: ["base", "model", "args", "report", ...everyStage],
};

/** Code that stands in one place only. */
const reserved = [
  { word: /\bDeno\.dlopen\b/, name: "Deno.dlopen", place: "lib/native/" },
  // It reads globalThis.process, which brings up the runtime's Node layer: 20 ms at every start.
  { word: /["']@std\/path["']/, name: "@std/path", place: "tests/" },
  { word: /\bDeno\.exit\b/, name: "Deno.exit", place: "main.ts" },
];

/** `sources`: path relative to the project's root ("lib/base/errors.ts") to text. Returns one line for each violation. */
export function violations(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const code = withoutComments(text);
    const imports = relativeImports(path, code);
    graph.set(path, imports);
    found.push(...wrongDirections(path, imports));
    for (const { word, name, place } of reserved) {
      if (word.test(code) && !path.startsWith(place)) found.push(`${path}: ${name} stands in ${place} only`);
    }
  }
  return [...found, ...cycles(graph)];
}

function wrongDirections(path: string, imports: string[]): string[] {
  const room = roomOf(path);
  const allowed = mayImport[room];
  if (allowed === undefined) return [`${path}: "${room}" is no room of the house plan`];
  return imports
    .filter((target) => roomOf(target) !== room && !allowed.includes(roomOf(target)))
    .map((target) => `${path}: imports ${target}, but ${room} may import only ${allowed.join(", ")}`);
}

/** "lib/base/errors.ts" is in "base"; what is not in a folder of lib/ is a room of its own. */
function roomOf(path: string): string {
  return /^lib\/([^/]+)\//.exec(path)?.[1] ?? path;
}

/** Targets of static and dynamic imports and of re-exports, relative to the project's root. */
function relativeImports(path: string, code: string): string[] {
  const from = /^\s*(?:import|export)\b[^;"']*?\bfrom\s*["'](\.[^"']+)["']/gm;
  const bare = /^\s*import\s*["'](\.[^"']+)["']/gm;
  const dynamic = /\bimport\(\s*["'](\.[^"']+)["']/g;
  const targets = [from, bare, dynamic].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
  return targets.map((target) => new URL(target, `file:///${path}`).pathname.slice(1));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** Each cycle once, as "a -> b -> a", by a depth-first walk. */
function cycles(graph: ReadonlyMap<string, string[]>): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const walk = (path: string, trail: string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`import cycle: ${[...trail.slice(start), path].join(" -> ")}`);
    if (start >= 0 || finished.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

/** main.ts and all of lib/, read from `root` (with a trailing slash). */
export function readSources(root: URL): Map<string, string> {
  const sources = new Map<string, string>();
  const visit = (path: string) => {
    for (const entry of Deno.readDirSync(new URL(path, root))) {
      if (entry.isDirectory) visit(`${path}${entry.name}/`);
      else if (entry.name.endsWith(".ts")) sources.set(`${path}${entry.name}`, readText(`${path}${entry.name}`));
    }
  };
  const readText = (path: string) => Deno.readTextFileSync(new URL(path, root));
  visit("lib/");
  return sources.set("main.ts", readText("main.ts"));
}

if (import.meta.main) {
  const found = violations(readSources(new URL("../", import.meta.url)));
  for (const line of found) console.error(line);
  if (found.length > 0) Deno.exitCode = 1;
}
