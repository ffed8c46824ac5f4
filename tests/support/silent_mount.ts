/** A mounted file system that stops answering in the middle of its only file (silent_fuse.c). */

import { testDirectory } from "./environment.ts";
import { silentFuseProgram } from "./fixture.ts";
import type { Mount } from "./mounts.ts";

export interface SilentMount extends Mount {
  /** From now on nothing is even read that the mount is asked: whoever waits can still be killed, as with a server that is gone. */
  dieAway(): void;
  /** What was asked meanwhile is answered. */
  revive(): void;
}

/** It holds "file" of `size` zeros; reads from `answered` on wait until the mount is disposed of, and then
 * fail. With 0 nothing at all is answered. */
export function mountSilent(size: number, answered: number): Promise<SilentMount> {
  return mount([size, answered]);
}

/** It holds "file", which says that it has `size` bytes and has `held` of them, all zeros. */
export function mountFalse(size: number, held: number): Promise<Mount> {
  return mount([size, Number.MAX_SAFE_INTEGER, held]);
}

async function mount(figures: readonly number[]): Promise<SilentMount> {
  const directory = await testDirectory();
  // It unmounts when its standard input ends, so it outlives the tests by no more than a moment.
  const child = new Deno.Command(await silentFuseProgram(), {
    args: [directory.path, ...figures.map(String)],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  const end = async () => {
    child.kill("SIGCONT");
    await child.stdin.close();
    await reader.cancel();
    await child.status;
    await directory[Symbol.asyncDispose]();
    return await errors;
  };
  if (done) throw new Error(`Cannot mount: ${await end()}`);
  return {
    path: directory.path,
    dieAway: () => child.kill("SIGSTOP"),
    revive: () => child.kill("SIGCONT"),
    [Symbol.asyncDispose]: async () => void await end(),
  };
}
