/**
 * Runs the shim's C tests: every native/*_test.c of this platform, linked with all library sources, under AddressSanitizer and
 * UndefinedBehaviorSanitizer. Warnings are errors here (and only here: a compiler newer than ours must not keep a user
 * from building). A test program that exits with 0 passed.
 */

import {
  baseFlags,
  buildDir,
  compileObjects,
  findCompiler,
  librarySources,
  nativeFiles,
  runCompiler,
  testSources,
} from "./compiler.ts";

const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
const flags = [...baseFlags, "-Werror", "-O1", "-g", ...sanitizers];

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Builds and runs all test programs, one line each on stdout. Throws an Error where something does not compile. */
export async function runSanitizedTests(): Promise<Counts> {
  const files = nativeFiles();
  const sources = librarySources(files);
  const programs = testSources(files);
  const compiler = findCompiler();
  if (sources.length === 0 || compiler === undefined) {
    const reason = compiler === undefined ? "no C compiler" : `no native shim for ${Deno.build.os} yet`;
    for (const name of programs) console.log(`native/${name} ... skipped (${reason})`);
    return { passed: 0, failed: 0, skipped: programs.length };
  }
  Deno.mkdirSync(buildDir, { recursive: true });
  const dir = Deno.makeTempDirSync({ dir: buildDir, prefix: "sanitized-" });
  try {
    const objects = await compileObjects(compiler, [...sources, ...programs], flags, dir);
    const library = objects.slice(0, sources.length);
    let failed = 0;
    for (const [i, name] of programs.entries()) {
      const program = `${dir}/${name.slice(0, -".c".length)}`;
      await runCompiler([...compiler, ...flags, objects[sources.length + i], ...library, "-o", program]);
      const passed = await runProgram(program);
      console.log(`native/${name} ... ${passed ? "ok" : "FAILED"}`);
      if (!passed) failed++;
    }
    return { passed: programs.length - failed, failed, skipped: 0 };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

async function runProgram(program: string): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    env: { UBSAN_OPTIONS: "print_stacktrace=1" },
  }).output();
  return success;
}
