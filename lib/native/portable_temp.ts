/**
 * Temporary files, in the directory of the file that they become.
 *
 * While a run writes one it holds a lock on it, so that another run (of this engine or the shim) can tell a living one from
 * what a killed run left. What cannot be locked (symlinks, further names of a file) is judged by the process id in the name.
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import process from "node:process";
import type { Context } from "./portable_context.ts";
import { codeOf } from "./portable_error.ts";
import { factsOfOpen } from "./portable_facts.ts";
import { Kind } from "../model/entry.ts";
import { removeFile } from "./portable_remove.ts";

export interface TempFile extends AsyncDisposable {
  readonly name: string;
  readonly path: string;
  readonly file: FileHandle;
}

/** Creates one below `prefix`; disposing of it closes it and lets go of the lock. Raises what the system raises. */
export async function createTemp(context: Context, prefix: string, mode: number): Promise<TempFile> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  while (true) {
    const name = context.tempName();
    const path = prefix + name;
    try {
      const file = await open(path, flags, mode | 0o600);
      const lock = await tryLock(context.through(file.fd, path));
      if (lock.state === "taken" || (await factsOfOpen(file)).nlink === 0) {
        // Another run took the new file for a stale one before it was locked; that run removes it.
        lock.release();
        await file.close();
        continue;
      }
      return {
        name,
        path,
        file,
        async [Symbol.asyncDispose]() {
          lock.release();
          await file.close();
        },
      };
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
    }
  }
}

/** Removes a temporary file whose run is dead. True if it did; false if its owner lives or it cannot be removed. */
export async function removeStale(context: Context, prefix: string, name: string): Promise<boolean> {
  const path = prefix + name;
  try {
    if (await isAlive(context, path, name)) return false;
    await removeFile(path);
    return true;
  } catch {
    return false;
  }
}

async function isAlive(context: Context, path: string, name: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return processLives(name);
  }
  try {
    const facts = await factsOfOpen(file);
    // A further name of a finished file: nobody locks those.
    if (facts.kind !== Kind.File || facts.nlink > 1) return processLives(name);
    const lock = await tryLock(context.through(file.fd, path));
    lock.release();
    return lock.state === "unknown" ? processLives(name) : lock.state === "taken";
  } finally {
    await file.close();
  }
}

function processLives(name: string): boolean {
  const id = Number.parseInt(name.slice(6, 14), 16);
  if (id === 0 || id > 0x7fffffff) return false;
  try {
    process.kill(id, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) !== "ESRCH";
  }
}

interface Lock {
  /** `unknown`: there are no locks here. */
  readonly state: "held" | "taken" | "unknown";
  release(): void;
}

async function tryLock(path: string): Promise<Lock> {
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path, { read: true });
    const state = await file.tryLock(true) ? "held" : "taken";
    return { state, release: () => file?.close() };
  } catch {
    file?.close();
    return { state: "unknown", release: () => {} };
  }
}
