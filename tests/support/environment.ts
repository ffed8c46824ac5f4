/**
 * A temporary directory for one test, with the few verbs that make a test readable.
 *
 * Owns the directory: `await using dir = await testDirectory()` removes it whatever happens, also when the test left
 * unreadable directories in it.
 */

import { fixture } from "./fixture.ts";
import { type Snapshot, snapshot } from "./snapshot.ts";
import { isRoot } from "./needs.ts";
import { UNPRIVILEGED_ID } from "./program.ts";

/** What `TestDirectory.write` makes: text or bytes for a file, null for a directory, `{ to }` for a symlink. */
export type Content = string | Uint8Array | null | { readonly to: string };

export class TestDirectory implements AsyncDisposable {
  constructor(readonly path: string) {}

  /** Absolute path of a name in it; a trailing slash stays. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /**
   * Makes entries, parents included. Times are left as they come. New ones get modes of their own: an engine of another test in this
   * process may have changed the process's umask for a while.
   */
  async write(entries: Record<string, Content>): Promise<void> {
    for (const [name, content] of Object.entries(entries)) {
      const path = this.at(name);
      const directory = content === null ? path : path.slice(0, path.lastIndexOf("/"));
      await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
      if (content === null) continue;
      const isLink = typeof content !== "string" && !(content instanceof Uint8Array);
      if (isLink) {
        await Deno.symlink(content.to, path);
        continue;
      }
      const mode = await this.exists(name) ? undefined : 0o644;
      await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content, { mode });
    }
  }

  read(name: string): Promise<string> {
    return Deno.readTextFile(this.at(name));
  }

  async exists(name: string): Promise<boolean> {
    return await Deno.lstat(this.at(name)).then(() => true, () => false);
  }

  /** Names below `name`, percent-encoded and sorted, without the root itself. */
  async names(name = "."): Promise<string[]> {
    return [...(await this.snapshot(name)).keys()].filter((path) => path !== ".").sort();
  }

  snapshot(name = "."): Promise<Snapshot> {
    return snapshot(this.at(name));
  }

  /** Carries out fixture.c operations below `name`. */
  async make(name: string, operations: readonly string[]): Promise<void> {
    await Deno.mkdir(this.at(name), { recursive: true });
    await fixture(["make", this.at(name)], operations.join("\n") + "\n");
  }

  /** Sets the modification time (seconds since 1970, fractions allowed). */
  async setTime(name: string, seconds: number): Promise<void> {
    await Deno.utime(this.at(name), seconds, seconds);
  }

  /** As root: hands everything over to the user that `unprivileged` runs have. */
  async giveAway(): Promise<void> {
    if (!isRoot) return;
    const changed = await run("chown", ["-Rh", `${UNPRIVILEGED_ID}:${UNPRIVILEGED_ID}`, this.path]);
    if (!changed.success) throw new Error(new TextDecoder().decode(changed.stderr));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!isRoot) await run("chmod", ["-R", "u+rwX", this.path]);
    const removed = await run("rm", ["-rf", "--", this.path]);
    if (!removed.success) throw new Error(`Cannot remove ${this.path}: ${new TextDecoder().decode(removed.stderr)}`);
  }
}

export async function testDirectory(parent = scratchParent()): Promise<TestDirectory> {
  return new TestDirectory(await Deno.makeTempDir({ prefix: "blit-test-", dir: parent }));
}

/**
 * Where test directories are made: TMPDIR where it is set, else /dev/shm where it has a gigabyte to spare (thousands of
 * files are made and removed; on a disk that alone takes minutes), else the system's place.
 */
function scratchParent(): string | undefined {
  if (Deno.env.get("TMPDIR") || Deno.build.os !== "linux") return undefined;
  try {
    const output = new Deno.Command("df", { args: ["-Pk", "/dev/shm"], stdin: "null", stderr: "null" }).outputSync();
    const availableKib = Number(new TextDecoder().decode(output.stdout).split("\n")[1]?.split(/\s+/)[3] ?? 0);
    return availableKib > 1 << 20 ? "/dev/shm" : undefined;
  } catch {
    return undefined;
  }
}

/** Names of blit's own temporary files below a tree; after a finished run there must be none. */
export function temporaryNames(tree: Snapshot): string[] {
  return [...tree.keys()].filter((path) => path.split("/").some((part) => part.startsWith(".blit-")));
}

function run(program: string, args: string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).output();
}
