/**
 * The C compiler and which sources are whose: what building the shim and building its tests have in common.
 *
 * Owns finding the compiler and running it; knows nothing of stamps or results.
 */

const here = import.meta.dirname!;

/** The folder that everything built goes to. */
export const buildDir = `${here}/build`;

/** What every compilation of a shim source needs. */
export const baseFlags = ["-std=gnu11", "-pthread", "-Wall", "-Wextra", `-I${here}`];

/** The names of all files in native/. */
export function nativeFiles(): string[] {
  return [...Deno.readDirSync(here)].filter((entry) => entry.isFile).map((entry) => entry.name).sort();
}

const platforms = ["linux", "darwin", "windows"];

/**
 * The library's sources on `os`, as file names in native/. A name that ends in _linux, _darwin or _windows belongs to that
 * platform, _test is a test program, everything else is common to Linux and macOS (it is written for POSIX). Empty where
 * the shim has no part for `os`.
 */
export function librarySources(names: string[], os: string = Deno.build.os): string[] {
  const sources = names.filter((name) => name.endsWith(".c") && !name.endsWith("_test.c"));
  const own = sources.filter((name) => name.endsWith(`_${os}.c`));
  if (own.length === 0 || os === "windows") return own;
  return sources.filter((name) => own.includes(name) || !platforms.some((platform) => name.endsWith(`_${platform}.c`)));
}

/** The shim's test programs on `os`; one of a platform is named like "copy_windows_test.c". */
export function testSources(names: string[], os: string = Deno.build.os): string[] {
  const foreign = platforms.filter((platform) => platform !== os);
  return names.filter((name) =>
    name.endsWith("_test.c") && !foreign.some((other) => name.endsWith(`_${other}_test.c`))
  );
}

/** The compiler's command line so far ("ccache gcc" is two words), or undefined when this machine has none. */
export function findCompiler(): string[] | undefined {
  const chosen = Deno.env.get("CC")?.trim();
  if (chosen) return chosen.split(/\s+/);
  const [separator, suffix] = Deno.build.os === "windows" ? [";", ".exe"] : [":", ""];
  const folders = (Deno.env.get("PATH") ?? "").split(separator).filter((folder) => folder !== "");
  for (const name of ["cc", "gcc", "clang"]) {
    if (folders.some((folder) => isFile(`${folder}/${name}${suffix}`))) return [name];
  }
  return undefined;
}

export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Compiles `sources` (names in native/) into objects below `outDir`, on all cores, and returns the objects' paths.
 * Throws an Error with the compiler's own words.
 */
export async function compileObjects(
  compiler: string[],
  sources: string[],
  flags: string[],
  outDir: string,
): Promise<string[]> {
  const waiting = [...sources];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await runCompiler([...compiler, ...flags, "-c", `${here}/${name}`, "-o", `${outDir}/${name}.o`]);
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, worker));
  return sources.map((name) => `${outDir}/${name}.o`);
}

/** Runs one compiler command. Throws an Error with the compiler's own words. */
export async function runCompiler([command, ...args]: string[]): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "piped" }).output();
  } catch (error) {
    throw new Error(`Cannot start the C compiler "${command}": ${(error as Error).message}`);
  }
  if (output.success) return;
  throw new Error(`Cannot compile with "${command}"\n${new TextDecoder().decode(output.stderr).trimEnd()}`);
}
