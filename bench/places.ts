/**
 * Where the bench writes: tmpfs (one of its own where it may mount), loop-mounted images of xfs, ext4 and btrfs on
 * tmpfs, or a directory the user names.
 *
 * Owns: everything below one working directory per place, named after this process. `withPlace` takes it all away
 * again (mounts, loop devices, images) however its body ends; `sweepAbandoned` does the same for a bench that was killed.
 * Guarantees: nothing outside such a working directory is ever mounted on or removed.
 */

import { BenchError } from "./failure.ts";
import { availableMemory, readText } from "./machine.ts";
import { attempt, run } from "./process.ts";
import { showBytes } from "./units.ts";

const memoryRoot = "/dev/shm";
const capSysAdmin = 21n;
const workingName = /^blit-bench-(\d+)(-\w+)?$/;

export type FileSystem = "tmpfs" | "xfs" | "ext4" | "btrfs" | "other";

export interface Place {
  /** As given to --place. */
  readonly id: string;
  /** In the user's words: what kind of place, and with which settings. */
  readonly description: string;
  /** What is there; decides which floor applies. */
  readonly fileSystem: FileSystem;
  /** A directory that only this bench uses. */
  readonly root: string;
  /** Where the source goes when it is on another file system. */
  readonly sourceRoot?: string;
}

/** How much room a workload needs. */
export interface Room {
  readonly bytes: number;
  readonly entries: number;
}

interface ImageKind {
  readonly mkfs: (room: Room) => string[];
  readonly leastBytes: number;
  /** How much larger the image is than what will be written to it, which alone takes memory. */
  readonly spaciousness: number;
  readonly description: string;
  /** The source stands on the tmpfs, and only the destination in the image. */
  readonly sourceOutside?: boolean;
}

const xfs: ImageKind = {
  mkfs: () => ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
  leastBytes: 512 * 2 ** 20,
  // It reserves more for each file than the file needs, and where three quarters of it are reserved every file takes half as
  // long again.
  spaciousness: 4,
  description: "xfs with reflink, loop image on tmpfs",
};

const imageKinds: Record<string, ImageKind> = {
  xfs,
  ext4: {
    // The inode tables are written at once: otherwise the kernel does it in the background of the timed runs.
    mkfs: (room) => [
      ...["mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
      ...["-N", String(room.entries + 10_000)],
    ],
    leastBytes: 512 * 2 ** 20,
    spaciousness: 1,
    description: "ext4 with journal, loop image on tmpfs",
  },
  btrfs: {
    mkfs: () => ["mkfs.btrfs", "-q", "-f"],
    leastBytes: 1024 * 2 ** 20,
    spaciousness: 1,
    description: "btrfs, loop image on tmpfs",
  },
  cross: { ...xfs, description: "from tmpfs to xfs (loop image on tmpfs)", sourceOutside: true },
};

export const knownPlaces: readonly string[] = ["tmpfs", ...Object.keys(imageKinds)];

/** Why a place cannot be used here; undefined when it can. A directory is named by a path with a slash in it. */
export async function absenceOf(id: string): Promise<string | undefined> {
  if (id.includes("/")) {
    const info = await Deno.stat(id).catch(() => undefined);
    return info?.isDirectory ? undefined : "no such directory";
  }
  if (!knownPlaces.includes(id)) return `unknown; known are ${knownPlaces.join(", ")} and directories`;
  if (!(await readText("/proc/mounts")).includes(` ${memoryRoot} tmpfs `)) return `${memoryRoot} is not a tmpfs`;
  if (id === "tmpfs") return undefined;
  if (!await mayMount()) return "loop images need root that may mount";
  const maker = imageKinds[id].mkfs({ bytes: 0, entries: 0 })[0];
  if (!(await attempt([maker, "-V"])).success) return `${maker} is not installed`;
  if (!(await attempt(["losetup", "-f"])).success) return "no loop device";
  return undefined;
}

/** In a container root often may not. */
async function mayMount(): Promise<boolean> {
  const mask = (await readText("/proc/self/status")).match(/^CapEff:\s*([0-9a-f]+)/m)?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> capSysAdmin & 1n) === 1n;
}

/** Why `room` cannot be had at a place now; undefined when it can. */
export async function roomMissing(id: string, room: Room): Promise<string | undefined> {
  const memory = id.includes("/") ? 0 : memoryFor(id, room) * 1.1;
  const available = availableMemory();
  if (memory > available) return `needs ${showBytes(memory)} of memory, ${showBytes(available)} available`;
  // A tmpfs of our own is as large as we say, whatever the shared one has left.
  if (id === "tmpfs" && await mayMount()) return undefined;
  const bytes = id in imageKinds ? imageBytes(id, room) : room.bytes;
  const free = Number((await run(["df", "--output=avail", "-B1", parentOf(id)])).split("\n")[1]);
  return bytes > free ? `needs ${showBytes(bytes)} in ${parentOf(id)}, ${showBytes(free)} free` : undefined;
}

/**
 * Most bytes of memory that a place takes for `room`: an image's files stand in it and in the page cache. What is never
 * written in an image takes none.
 */
function memoryFor(id: string, room: Room): number {
  return id in imageKinds ? 2 * room.bytes : room.bytes;
}

function imageBytes(id: string, room: Room): number {
  return Math.max(roomyBytes(room), imageKinds[id].leastBytes);
}

/** With space for a file system's own needs; whole MiB. */
function roomyBytes(room: Room): number {
  return Math.ceil((room.bytes * 1.25 + room.entries * 2048) / 2 ** 20 + 512) * 2 ** 20;
}

/** Makes a place, lends it to `body`, takes it away. Raises BenchError when it cannot be made. */
export async function withPlace<T>(
  id: string,
  room: Room,
  signal: AbortSignal | undefined,
  body: (place: Place) => Promise<T>,
): Promise<T> {
  // Not the process id alone: test files that run at the same time share it.
  const working = await Deno.makeTempDir({ dir: parentOf(id), prefix: `blit-bench-${Deno.pid}-` });
  try {
    return await body(await makePlace(id, room, working, signal));
  } finally {
    await takeAway(working);
  }
}

async function makePlace(id: string, room: Room, working: string, signal?: AbortSignal): Promise<Place> {
  if (id in imageKinds) return await mountImage(id, room, working, signal);
  if (id !== "tmpfs") return await userDirectory(id, working);
  if (await mayMount()) return await mountMemory(room, working, signal);
  return { id, description: `tmpfs (${await hugePages(memoryRoot)})`, fileSystem: "tmpfs", root: working };
}

async function userDirectory(id: string, root: string): Promise<Place> {
  const type = (await run(["stat", "-f", "-c", "%T", root])).trim();
  const known: Record<string, FileSystem> = { tmpfs: "tmpfs", xfs: "xfs", "ext2/ext3": "ext4", btrfs: "btrfs" };
  const name = type === "ext2/ext3" ? "ext4" : type;
  return { id, description: `${id} (${name})`, fileSystem: known[type] ?? "other", root };
}

/** Huge pages make tmpfs half as fast again, so a result has to say which it was. */
async function hugePages(mountPoint: string): Promise<string> {
  const line = (await readText("/proc/mounts")).split("\n").find((mount) => mount.split(" ")[1] === mountPoint) ?? "";
  const huge = line.match(/\bhuge=(\w+)/)?.[1] ?? "never";
  return huge === "never" ? "4 KiB pages" : `huge=${huge}`;
}

/** A tmpfs of our own does not run out of inodes because of what others keep in the shared one. */
async function mountMemory(room: Room, working: string, signal?: AbortSignal): Promise<Place> {
  const root = `${working}/mnt`;
  await Deno.mkdir(root);
  const options = `size=${roomyBytes(room)},nr_inodes=${room.entries + 10_000},huge=never,mode=0755`;
  await run(["mount", "-t", "tmpfs", "-o", options, "blit-bench", root], signal);
  return { id: "tmpfs", description: "tmpfs (4 KiB pages)", fileSystem: "tmpfs", root };
}

async function mountImage(id: string, room: Room, working: string, signal?: AbortSignal): Promise<Place> {
  const image = `${working}/image`;
  const root = `${working}/mnt`;
  const kind = imageKinds[id];
  await Deno.mkdir(root);
  await run(["truncate", "-s", String(kind.spaciousness * imageBytes(id, room)), image], signal);
  await run([...kind.mkfs(room), image], signal);
  await run(["mount", "-o", "loop", image, root], signal);
  if (!kind.sourceOutside) return { id, description: kind.description, fileSystem: id as FileSystem, root };
  const sourceRoot = `${working}/from`;
  await Deno.mkdir(sourceRoot);
  return { id, description: kind.description, fileSystem: "other", root, sourceRoot };
}

/** Unmounts and removes a working directory. Its own programs may take a moment to let go of the mount. */
async function takeAway(working: string): Promise<void> {
  for (let attemptsLeft = 20; (await mountsBelow(working)).length > 0; attemptsLeft--) {
    for (const mountPoint of await mountsBelow(working)) {
      if ((await attempt(["umount", mountPoint])).success) continue;
      if (attemptsLeft === 0) {
        throw new BenchError(`Cannot unmount "${mountPoint}"; do it by hand and remove "${working}"`);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  const loops = (await attempt(["losetup", "-j", `${working}/image`])).stdout;
  for (const loop of loops.split("\n").filter(Boolean)) await attempt(["losetup", "-d", loop.split(":")[0]]);
  // Not by a program: Ctrl-C would end that as well.
  await Deno.remove(working, { recursive: true });
}

async function mountsBelow(directory: string): Promise<string[]> {
  const mounts = (await readText("/proc/mounts")).split("\n").map((line) => line.split(" ")[1] ?? "");
  return mounts.filter((mountPoint) => mountPoint.startsWith(`${directory}/`)).reverse();
}

/** Takes away what a killed bench of this user left behind at a place. Returns the directories removed. */
export async function sweepAbandoned(id: string): Promise<string[]> {
  const swept: string[] = [];
  for await (const entry of Deno.readDir(parentOf(id))) {
    const owner = entry.name.match(workingName)?.[1];
    if (!owner || await readText(`/proc/${owner}/stat`) !== "") continue;
    const working = `${parentOf(id)}/${entry.name}`;
    if ((await Deno.lstat(working)).uid !== Deno.uid()) continue;
    await takeAway(working);
    swept.push(working);
  }
  return swept;
}

function parentOf(id: string): string {
  return id.includes("/") ? id.replace(/\/+$/, "") || "/" : memoryRoot;
}
