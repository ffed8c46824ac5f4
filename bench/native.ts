/**
 * The bench's C programs: built on demand from native/*.c into build/, found by name.
 * Guarantees: a program is never older than its source; several processes may build at once.
 */

import {
  baseFlags,
  compileObjects,
  findCompiler,
  librarySources,
  nativeFiles,
  runCompiler,
} from "../native/compiler.ts";
import { BenchError } from "./failure.ts";

export type Program =
  | "run"
  | "warm"
  | "make_tree"
  | "compare"
  | "floor_small"
  | "floor_large"
  | "floor_mirror"
  | "floor_stream"
  | "pipe_tcp";

const sourceDir = `${import.meta.dirname}/native/`;
const shimDir = sourceDir.replace(/bench\/native\/$/, "native/");
export const buildDir: string = `${import.meta.dirname}/build/`;
const ready = new Map<Program, Promise<string>>();

/** The path of the executable. Raises BenchError when there is no compiler or it refuses. */
export function program(name: Program): Promise<string> {
  let path = ready.get(name);
  if (!path) ready.set(name, path = build(name));
  return path;
}

async function build(name: Program): Promise<string> {
  const built = `${buildDir}${name}`;
  if (await newest([built]) > await newest([`${sourceDir}${name}.c`, `${sourceDir}tree.h`])) return built;
  await Deno.mkdir(buildDir, { recursive: true });
  const compiler = Deno.env.get("CC") ?? "cc";
  const unfinished = `${built}.${crypto.randomUUID()}`;
  const args = ["-O2", "-Wall", "-Wextra", "-pthread", "-o", unfinished, `${sourceDir}${name}.c`];
  const { success, stderr } = await new Deno.Command(compiler, { args, stdout: "null", stderr: "piped" }).output()
    .catch(
      (cause) => {
        throw new BenchError(`Cannot start the C compiler "${compiler}"; the bench needs one`, { cause });
      },
    );
  if (!success) throw new BenchError(`Cannot compile bench/native/${name}.c:\n${new TextDecoder().decode(stderr)}`);
  await Deno.rename(unfinished, built);
  return built;
}

/** A program that is linked with the shim's own sources. Raises BenchError as `program`, and where there is no shim. */
export async function shimProgram(name: "micro_shim"): Promise<string> {
  const built = `${buildDir}${name}`;
  const files = nativeFiles();
  const sources = librarySources(files);
  const source = `${sourceDir}${name}.c`;
  const compiler = findCompiler();
  if (sources.length === 0 || !compiler) {
    throw new BenchError(`Cannot build ${name}: ${compiler ? `no shim for ${Deno.build.os}` : "no C compiler"}`);
  }
  if (await newest([built]) > await newest([source, ...files.map((file) => `${shimDir}${file}`)])) return built;
  await Deno.mkdir(buildDir, { recursive: true });
  const objects = await Deno.makeTempDir({ dir: buildDir, prefix: "objects-" });
  try {
    const flags = [...baseFlags, "-O2"];
    const paths = await compileObjects(compiler, sources, flags, objects);
    await runCompiler([...compiler, ...flags, source, ...paths, "-o", `${objects}/${name}`]);
    await Deno.rename(`${objects}/${name}`, built);
  } catch (cause) {
    throw new BenchError((cause as Error).message, { cause });
  } finally {
    await Deno.remove(objects, { recursive: true });
  }
  return built;
}

/** The latest modification time in milliseconds; 0 when one is missing. */
async function newest(paths: string[]): Promise<number> {
  let latest = 0;
  for (const path of paths) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (!info) return 0;
    latest = Math.max(latest, info.mtime?.getTime() ?? 0);
  }
  return latest;
}
