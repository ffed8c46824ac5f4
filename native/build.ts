/**
 * Builds the native shim: native/*.c -> native/build/libblit.so (.dylib, .dll).
 *
 * Owns the library's flags and the stamp that makes a second run cost no more than reading the sources. The library
 * appears under its name by a rename, so two builds at once do no harm and a running blit keeps what it opened. A library
 * that does not match the sources is never left to be loaded. Speaks on stderr only: stdout belongs to the program that
 * starts next.
 *
 *     deno run -A native/build.ts               exit 0: built, up to date, or no compiler; 1: the compiler failed
 *     deno run -A native/build.ts --optional    the same, but a failing compiler is only reported
 *     deno run -A native/build.ts --sanitize    the shim's C tests under sanitizers instead (sanitize.ts)
 */

import {
  baseFlags,
  buildDir,
  compileObjects,
  findCompiler,
  isFile,
  librarySources,
  nativeFiles,
  runCompiler,
} from "./compiler.ts";

const here = import.meta.dirname!;
const stampPath = `${buildDir}/libblit.stamp`;
const libraryName = `libblit.${{ darwin: "dylib", windows: "dll" }[Deno.build.os as string] ?? "so"}`;

/** Where the library stands after a build. */
export const libraryPath = `${buildDir}/${libraryName}`;

// blit runs as root on trees that others wrote; what these two cost cannot be measured.
const hardening = ["-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"];
const libraryFlags = [
  ...baseFlags,
  "-O2",
  "-fvisibility=hidden",
  ...(Deno.build.os === "windows" ? [] : ["-fPIC", ...hardening]),
];

/** Everything that decides what the library is: sources, headers, flags, platform and the compiler asked for. */
async function stampOf(files: string[], sources: string[]): Promise<string> {
  const parts = [Deno.build.target, Deno.env.get("CC") ?? "", ...libraryFlags];
  for (const name of files.filter((name) => name.endsWith(".h") || sources.includes(name))) {
    parts.push(name, Deno.readTextFileSync(`${here}/${name}`));
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return new Uint8Array(digest).toHex();
}

function upToDate(stamp: string): boolean {
  try {
    return Deno.readTextFileSync(stampPath) === stamp && isFile(libraryPath);
  } catch {
    return false;
  }
}

function removeStale(): void {
  for (const path of [stampPath, libraryPath]) {
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function build(compiler: string[], sources: string[]): Promise<void> {
  Deno.mkdirSync(buildDir, { recursive: true });
  const objects = Deno.makeTempDirSync({ dir: buildDir, prefix: "objects-" });
  try {
    const paths = await compileObjects(compiler, sources, libraryFlags, objects);
    const finished = `${objects}/${libraryName}`;
    // A symbol that is nowhere shall fail here, not when the library is used; and what its threads run stays when a runtime, as one of a
    // test's, closes it.
    const complete = Deno.build.os === "linux" ? ["-Wl,-z,defs", "-Wl,-z,nodelete"] : [];
    await runCompiler([...compiler, "-shared", "-pthread", ...complete, ...paths, "-o", finished]);
    Deno.renameSync(finished, libraryPath);
  } finally {
    Deno.removeSync(objects, { recursive: true });
  }
}

export type BuildResult = "built" | "up to date" | "no compiler" | "not for this platform";

/**
 * Brings the library up to date with its sources. Throws an Error with the compiler's own words; the library is then gone,
 * as it is after "no compiler" and "not for this platform".
 */
export async function buildLibrary(): Promise<BuildResult> {
  const files = nativeFiles();
  const sources = librarySources(files);
  const stamp = await stampOf(files, sources);
  if (sources.length > 0 && upToDate(stamp)) return "up to date";
  const compiler = findCompiler();
  if (sources.length === 0 || compiler === undefined) {
    removeStale();
    return sources.length === 0 ? "not for this platform" : "no compiler";
  }
  try {
    await build(compiler, sources);
  } catch (error) {
    removeStale();
    throw error;
  }
  Deno.writeTextFileSync(stampPath, stamp);
  return "built";
}

const slower = "blit uses its slower portable path";

async function main(): Promise<number> {
  if (Deno.args.includes("--sanitize")) {
    const { runSanitizedTests } = await import("./sanitize.ts");
    return (await runSanitizedTests()).failed > 0 ? 1 : 0;
  }
  const result = await buildLibrary();
  if (result === "built") console.error(`Built native/build/${libraryName}`);
  if (result === "no compiler") console.error(`No C compiler found (CC, cc, gcc, clang): ${slower}`);
  if (result === "not for this platform") console.error(`No native shim for ${Deno.build.os} yet: ${slower}`);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main();
  } catch (error) {
    console.error((error as Error).message);
    const optional = Deno.args.includes("--optional");
    if (optional) console.error(`The native shim could not be built: ${slower}`);
    Deno.exitCode = optional ? 0 : 1;
  }
}
