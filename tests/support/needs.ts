/**
 * What a test needs beyond Deno (root, a command, a kernel feature), and the visible skip when it is missing.
 *
 * A skipped test prints its name and the reason once, when its file loads. With BLIT_TEST_REQUIRE=1 it fails instead, so
 * that a machine which must be able to run everything cannot skip silently.
 */

export interface Need {
  /** Why the need is not met here; undefined when it is. */
  readonly missing: string | undefined;
}

export type TestBody = (context: Deno.TestContext) => Promise<void> | void;

/** Registers a test that is skipped, with a printed reason, unless every need is met. */
export function testNeeding(needs: readonly Need[], name: string, body: TestBody): void {
  const missing = needs.map((need) => need.missing).filter((reason) => reason !== undefined);
  if (missing.length === 0) {
    Deno.test(name, body);
    return;
  }
  const reason = missing.join("; ");
  if (Deno.env.get("BLIT_TEST_REQUIRE") === "1") {
    Deno.test(name, () => {
      throw new Error(`BLIT_TEST_REQUIRE=1, but this test cannot run here: ${reason}`);
    });
    return;
  }
  console.error(`skipped: ${name}: ${reason}`);
  Deno.test({ name, ignore: true, fn: body });
}

export const isRoot: boolean = Deno.build.os !== "windows" && Deno.uid() === 0;

export const linux: Need = { missing: Deno.build.os === "linux" ? undefined : "Linux only" };
export const root: Need = { missing: isRoot ? undefined : "needs root" };

const SYS_ADMIN = 21n;

/** Root that may mount: in a container root often may not. */
export const mounting: Need = { missing: whyNoMounting() };

export function command(name: string): Need {
  return { missing: commandExists(name) ? undefined : `needs the command ${name}` };
}

/** A kernel that knows the file system and, where it needs an image, the program that makes one. */
export function fileSystem(kind: string): Need {
  if (mounting.missing !== undefined) return mounting;
  const known = readText("/proc/filesystems").split("\n").some((line) => line.split("\t")[1] === kind);
  // A module that is not loaded yet is not listed; mount loads it.
  const loadable = known || commandExists(`modprobe`) && succeeds("modprobe", ["-n", "-q", kind]);
  if (!loadable) return { missing: `the kernel has no ${kind}` };
  if (kind === "tmpfs" || kind === "ramfs") return { missing: undefined };
  return command(`mkfs.${kind}`);
}

function whyNoMounting(): string | undefined {
  if (Deno.build.os !== "linux") return "Linux only";
  if (!isRoot) return "needs root (to mount)";
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(readText("/proc/self/status"))?.[1] ?? "0";
  return BigInt(`0x${mask}`) >> SYS_ADMIN & 1n ? undefined : "needs CAP_SYS_ADMIN (to mount)";
}

function commandExists(name: string): boolean {
  return succeeds("sh", ["-c", 'command -v "$0"', name]);
}

function succeeds(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
