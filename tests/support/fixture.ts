/**
 * Compiles the helper programs once per test file into a temporary directory, and drives fixture.c.
 *
 * C rather than a script language: the suite needs a C compiler for the native shim anyway, and nothing else.
 */

let compiled: Promise<string> | undefined;

/** Path of the helper program. */
export function fixtureProgram(): Promise<string> {
  compiled ??= compile("fixture.c", "fixture", []);
  return compiled;
}

let launcher: Promise<string> | undefined;

/** Path of the program that starts others on a terminal or measures their memory; launch.c says how. */
export function launchProgram(): Promise<string> {
  launcher ??= compile("launch.c", "launch", ["-lutil"]);
  return launcher;
}

let fault: Promise<string> | undefined;

/** Path of the library that injects faults by LD_PRELOAD; fault.c says which. */
export function faultLibrary(): Promise<string> {
  fault ??= compile("fault.c", "fault.so", ["-shared", "-fPIC", "-ldl"]);
  return fault;
}

let folding: Promise<string> | undefined;

/** Path of the library that makes lookups fold by LD_PRELOAD; folding.c says how. */
export function foldingLibrary(): Promise<string> {
  folding ??= compile("folding.c", "folding.so", ["-shared", "-fPIC", "-ldl"]);
  return folding;
}

let silent: Promise<string> | undefined;

/** Path of the file system that falls silent; silent_fuse.c says how. */
export function silentFuseProgram(): Promise<string> {
  silent ??= compile("silent_fuse.c", "silent_fuse", []);
  return silent;
}

/** Runs the helper and returns its output; throws with its message when it fails. */
export async function fixture(args: string[], input?: string): Promise<string> {
  const child = new Deno.Command(await fixtureProgram(), { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  // A helper that failed early has closed its end; its own message says why.
  if (input !== undefined) await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const output = await child.output();
  if (!output.success) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(output.stderr)}`);
  return new TextDecoder().decode(output.stdout);
}

/** A helper that stays: a tree is made or listed in a fraction of a millisecond. One request at a time. */
export class FixtureServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(program: string) {
    this.#child = new Deno.Command(program, { args: ["serve"], stdin: "piped", stdout: "piped" }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader();
  }

  static async start(): Promise<FixtureServer> {
    return new FixtureServer(await fixtureProgram());
  }

  /** Carries out fixture.c operations below `root`. */
  async make(root: string, operations: readonly string[]): Promise<void> {
    await this.#ask(`make ${root}\n${operations.map((line) => `${line}\n`).join("")}.\n`);
  }

  /** What `fixture list` prints. */
  list(root: string): Promise<string> {
    return this.#ask(`list ${root}\n`);
  }

  async #ask(request: string): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(request));
    const decoder = new TextDecoder();
    let answer = "";
    while (answer !== ".\n" && !answer.endsWith("\n.\n")) {
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error(`The fixture program ended; it was asked:\n${request}`);
      answer += decoder.decode(value, { stream: true });
    }
    return answer.slice(0, -2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#child.status;
  }
}

/** Which kinds of privileged metadata can be made in `directory`: user, trusted, capability, acl, owner, device. */
export async function supportedMetadata(directory: string): Promise<Set<string>> {
  return new Set((await fixture(["probe", directory])).split("\n").filter((word) => word !== ""));
}

/** A name as the helper reads and prints it: bytes outside [A-Za-z0-9._/-] as %XX. Takes bytes or text. */
export function percentEncode(name: string | Uint8Array): string {
  const bytes = typeof name === "string" ? new TextEncoder().encode(name) : name;
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9._\/-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

async function compile(source: string, target: string, flags: string[]): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "blit-fixture-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  await Deno.chmod(directory, 0o755);
  const path = `${directory}/${target}`;
  const input = new URL(source, import.meta.url).pathname;
  const output = await new Deno.Command("cc", { args: ["-O2", "-o", path, input, ...flags] }).output();
  if (!output.success) throw new Error(`Cannot compile ${source}: ${new TextDecoder().decode(output.stderr)}`);
  return path;
}
