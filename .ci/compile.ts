/**
 * Makes dist/blit: one executable that holds the program, the native shim and Deno's runtime.
 *
 *     deno task compile [--denort npm]
 *
 * 1. Builds the shim and notes the commit in native/build/commit.
 * 2. Bundles the program: a script for each command and few that they share. A hundred modules cost 20 ms at every start, and so
 *    does a script that brings along what only the network needs.
 * 3. Puts it on denort: DENORT_BIN if set, with "--denort npm" what denort.ts finds, else Deno's own download.
 * 4. Starts the result once.
 */

import { buildLibrary, libraryPath } from "../native/build.ts";
import { denortFromNpm } from "./denort.ts";

const root = Deno.realPathSync(new URL("../", import.meta.url));
const executable = `dist/blit${Deno.build.os === "windows" ? ".exe" : ""}`;
// Two folders deep, like every file of lib/<room>/, so that paths relative to import.meta.url hold in the bundle too.
const bundleFolder = "native/build";
const commitFile = "native/build/commit";

async function main(args: string[]): Promise<void> {
  const fromNpm = args.join(" ") === "--denort npm";
  if (args.length > 0 && !fromNpm) {
    throw new Error(`Unknown arguments "${args.join(" ")}": only "--denort npm" is known`);
  }
  const shim = await shimToInclude();
  await Deno.mkdir(`${root}/native/build`, { recursive: true });
  await Deno.mkdir(`${root}/dist`, { recursive: true });
  await Deno.writeTextFile(`${root}/${commitFile}`, await currentCommit());
  for (const script of bundledScripts()) await Deno.remove(`${root}/${script}`);
  await deno("bundle", ["--quiet", "--minify", "--code-splitting", "--outdir", bundleFolder, "main.ts"]);
  await refuseLostDisposals();
  await dropIdleImports();

  const env: Record<string, string> = {};
  if (!Deno.env.get("DENORT_BIN") && fromNpm) env.DENORT_BIN = await denortFromNpm();
  try {
    await deno("compile", compileArguments(shim), env);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${adviceOnDenort(fromNpm)}`);
  }
  const { size } = await Deno.stat(`${root}/${executable}`);
  console.log(`${executable}: ${(size / 2 ** 20).toFixed(0)} MiB, ${await versionLine()}`);
}

/**
 * The bundler's minifier puts the value of a variable that is named only once more into that place, and a "using" goes with the
 * variable: what it should have given back stays open for good. So both bundles must declare as many.
 */
async function refuseLostDisposals(): Promise<void> {
  const plain = await Deno.makeTempDir({ dir: `${root}/native/build`, prefix: "plain-" });
  try {
    await deno("bundle", ["--quiet", "--code-splitting", "--outdir", plain, "main.ts"]);
    const texts = [...Deno.readDirSync(plain)].map(({ name }) => Deno.readTextFileSync(`${plain}/${name}`));
    const declared = texts.reduce((sum, text) => sum + countUsing(text), 0);
    const kept = bundledScripts().reduce((sum, path) => sum + countUsing(Deno.readTextFileSync(`${root}/${path}`)), 0);
    if (kept === declared) return;
    throw new Error(
      `The minifier has dropped ${
        declared - kept
      } of ${declared} "using" declarations: where such a variable is named only ` +
        "once more, write try and finally",
    );
  } finally {
    await Deno.remove(plain, { recursive: true });
  }
}

/** Variables that are declared with "using"; "using a = f(), b = g();" has two. */
export function countUsing(text: string): number {
  let count = 0;
  for (const { index } of text.matchAll(/\busing\s+[\w$]+\s*=/g)) {
    let depth = 0;
    count++;
    for (let at = index; at < text.length && depth >= 0 && !(depth === 0 && text[at] === ";"); at++) {
      if ("([{".includes(text[at])) depth++;
      else if (")]}".includes(text[at])) depth--;
      else if (text[at] === "," && depth === 0) count++;
    }
  }
  return count;
}

/**
 * The bundler puts what packages in CommonJS need into a script of its own and has every other script import it, used or not. That one
 * brings up the runtime's whole compatibility layer for Node: 25 ms at every start. It only declares things, so an import of nothing
 * from it can go.
 */
async function dropIdleImports(): Promise<void> {
  const texts = new Map<string, string>();
  for (const script of bundledScripts()) texts.set(script, await Deno.readTextFile(`${root}/${script}`));
  const helpers = [...texts].filter(([, text]) => /from ?"node:module"/.test(text));
  for (const [script, text] of texts) {
    const lean = helpers.reduce((rest, [helper]) => {
      return rest.replaceAll(`import"./${helper.slice(bundleFolder.length + 1)}";`, "");
    }, text);
    if (lean !== text) await Deno.writeTextFile(`${root}/${script}`, lean);
  }
}

function compileArguments(shim: string[]): string[] {
  // deno.json is only there to pin the root of the embedded files: without a file in it they would move up.
  const included = [...shim, ...bundledScripts(), commitFile, "deno.json"].flatMap((path) => ["--include", path]);
  // Deno would keep V8's code cache under a guessable name in the shared temporary folder and take it from whoever put it
  // there: other users could run code as root. The few milliseconds it saves are not worth that.
  return [
    "--quiet",
    "--allow-all",
    "--no-check",
    "--no-code-cache",
    // In MiB. By default V8 collects garbage while the program is still being loaded: up to 5 ms of a start between machines.
    "--v8-flags=--min-semi-space-size=8",
    ...included,
    "--output",
    executable,
    `${bundleFolder}/main.js`,
  ];
}

/** Relative to the project's root. */
function bundledScripts(): string[] {
  const names = [...Deno.readDirSync(`${root}/${bundleFolder}`)].map(({ name }) => name);
  return names.filter((name) => name.endsWith(".js")).map((name) => `${bundleFolder}/${name}`);
}

/** An executable without the shim would quietly be slow, so only a platform that has no shim yet may lack it. */
async function shimToInclude(): Promise<string[]> {
  const result = await buildLibrary();
  if (result === "no compiler") {
    throw new Error("Cannot build the native shim: no C compiler found. Install gcc or clang, or set CC");
  }
  if (result !== "not for this platform") return [libraryPath];
  console.error(`No native shim for ${Deno.build.os} yet: the executable uses the slower portable path`);
  return [];
}

async function currentCommit(): Promise<string> {
  const hash = await git("rev-parse", "--short=12", "HEAD");
  if (hash === undefined) return "unknown";
  return await git("status", "--porcelain") === "" ? hash : `${hash}-dirty`;
}

async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: root, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** Runs this Deno in the project's root. Throws an Error with its own words. */
async function deno(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, ...args],
    cwd: root,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", RUST_LIB_BACKTRACE: "0", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot finish "deno ${command}":\n${new TextDecoder().decode(stderr).trim()}`);
}

function adviceOnDenort(fromNpm: boolean): string {
  const chosen = Deno.env.get("DENORT_BIN");
  if (chosen) {
    return `DENORT_BIN is "${chosen}": it must be the denort of Deno ${Deno.version.deno}. Unset it to download one`;
  }
  if (fromNpm) return `Try without "--denort npm", or set DENORT_BIN to the denort of Deno ${Deno.version.deno}`;
  return `If denort could not be downloaded, take it through the npm registry (x86-64 Linux): deno task compile --denort npm\n` +
    `or set DENORT_BIN to the denort of Deno ${Deno.version.deno}`;
}

async function versionLine(): Promise<string> {
  const { success, stdout } = await new Deno.Command(`${root}/${executable}`, { args: ["--version"] }).output();
  if (!success) throw new Error(`Cannot start ${executable}`);
  return new TextDecoder().decode(stdout).trim();
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exitCode = 1;
  }
}
