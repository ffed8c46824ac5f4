/** What paths.ts looks at on the main thread, looked at on other threads, for paths whose file system may not answer. Needs the shim. */

import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { answerAside } from "./aside.ts";
import { Aside } from "./layout.ts";
import type { FreeRoom, Inode } from "./paths.ts";
import { roomOf } from "./paths.ts";

const PATH_ROOM = 4096;
const LEVELS_MAX = 512;

/** A path, and how long its file system may take. Raises BlitError (failed) where it does not answer. */
export interface Asked {
  readonly path: string;
  readonly ms: number;
}

/** Undefined where nothing stands, or nothing that can be told. */
export async function inodeAside(asked: Asked, follow: boolean): Promise<Inode | undefined> {
  const out = new BigUint64Array(4);
  const status = await ask(asked, Aside.PathFacts, follow ? 1n : 0n, new Uint8Array(out.buffer));
  return status === 0 ? { dev: Number(out[1]), ino: Number(out[2]) } : undefined;
}

/** As `realPath`. */
export async function realPathAside(asked: Asked): Promise<string | undefined> {
  const out = new Uint8Array(PATH_ROOM);
  const length = await ask(asked, Aside.PathReal, out, BigInt(PATH_ROOM));
  return length < 0 ? undefined : pathFromBytes(out.subarray(0, length));
}

/** As `freeRoom`. */
export async function freeRoomAside(asked: Asked): Promise<FreeRoom | undefined> {
  const out = new BigUint64Array(6);
  return await ask(asked, Aside.PathSpace, new Uint8Array(out.buffer)) === 0 ? roomOf(out) : undefined;
}

/** As `directoriesUpFrom`, of the nearest few hundred. */
export async function inodesUpFromAside(asked: Asked): Promise<Inode[]> {
  const out = new BigUint64Array(2 * LEVELS_MAX);
  const count = await ask(asked, Aside.PathUpwards, new Uint8Array(out.buffer), BigInt(LEVELS_MAX));
  return Array.from(
    { length: Math.max(count, 0) },
    (_, i) => ({ dev: Number(out[2 * i]), ino: Number(out[2 * i + 1]) }),
  );
}

/** Resolves once the file system that the path leads to has answered. */
export async function answers(asked: Asked): Promise<void> {
  await ask(asked, Aside.PathAsk);
}

function ask({ path, ms }: Asked, which: Aside, ...more: (Uint8Array<ArrayBuffer> | bigint)[]): Promise<number> {
  return answerAside(path, ms, `look at "${path}"`, which, [pathToBytes(`${path}\0`), ...more]);
}
