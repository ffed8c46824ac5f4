/** A file system whose server has died: everything on it answers "transport endpoint is not connected", also to root. */

import { silentFuseProgram } from "./fixture.ts";

/**
 * Mounts it over `point`, a directory. With `file`, its only file is first shown at that path, which must be a file: one that is
 * there and cannot be opened.
 */
export async function mountDead(point: string, file?: string): Promise<AsyncDisposable> {
  const child = new Deno.Command(await silentFuseProgram(), {
    args: [point, "4", "4"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  const unmount = async () => {
    if (file !== undefined) await umount(file);
    await umount(point);
  };
  try {
    if (done) throw new Error(`Cannot mount a file system at ${point}`);
    if (file !== undefined) await run("mount", "--bind", `${point}/file`, file);
  } catch (error) {
    await umount(point);
    throw error;
  } finally {
    await reader.cancel();
    child.kill("SIGKILL"); // it leaves its mount behind
    await child.status;
    await child.stdin.close().catch(() => {});
  }
  return { [Symbol.asyncDispose]: unmount };
}

function umount(path: string): Promise<void> {
  return run("umount", "--lazy", path);
}

async function run(program: string, ...args: string[]): Promise<void> {
  const output = await new Deno.Command(program, { args, stdin: "null", stderr: "piped" }).output();
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
}
