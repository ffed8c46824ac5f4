/**
 * Private file systems for tests: loop-mounted images, small tmpfs, bind mounts.
 *
 * Each mount has a keeper, a small shell process that mounts, waits for the end of its standard input, and unmounts. Closing
 * that pipe is the normal way; when the tests die, however hard, the kernel closes it. So no mount outlives its test.
 */

import { testDirectory } from "./environment.ts";

export type FileSystemKind = "ext4" | "xfs" | "btrfs" | "tmpfs" | "ramfs";

/** Smallest sizes that the makers accept without complaint (mkfs.xfs wants 300 MiB). Images are sparse files. */
const DEFAULT_MIB: Record<FileSystemKind, number> = { ext4: 300, xfs: 320, btrfs: 300, tmpfs: 200, ramfs: 0 };

const MAKE: Partial<Record<FileSystemKind, string>> = {
  ext4: "mkfs.ext4 -q -b 4096 -I 256",
  xfs: "mkfs.xfs -q -m reflink=1,bigtime=1",
  btrfs: "mkfs.btrfs -q",
};

export interface Mount extends AsyncDisposable {
  /** Mount point, an absolute path without symlinks. */
  readonly path: string;
}

/**
 * Mounts a new, empty file system. `options` as for mount -o, `make` further words for the program that makes it; `at` is an existing
 * directory to mount it on, which stays.
 */
export function mountNew(
  kind: FileSystemKind,
  settings: { mib?: number; options?: string; make?: string; at?: string } = {},
): Promise<Mount> {
  const mib = settings.mib ?? DEFAULT_MIB[kind];
  const extra = settings.options === undefined ? "" : `,${settings.options}`;
  const make = MAKE[kind];
  if (make === undefined) return keep(`mount -t ${kind} -o size=${mib}m${extra} none "$point"`, "", settings.at);
  return keep(
    `truncate -s ${mib}M "$base/image" && ${make} ${
      settings.make ?? ""
    } "$base/image" >/dev/null && mount -o loop${extra} "$base/image" "$point"`,
    "",
    settings.at,
  );
}

/** Mounts by a shell command, which finds a folder for what it needs in $base and the mount point in $point. */
export function mountBy(command: string): Promise<Mount> {
  return keep(command);
}

/** Shows `directory` at a second place, on `at` where that is given. */
export function mountBind(directory: string, settings: { readOnly?: boolean; at?: string } = {}): Promise<Mount> {
  const readOnly = settings.readOnly ? ' && mount -o remount,bind,ro "$point"' : "";
  return keep(`mount --bind "$1" "$point"${readOnly}`, directory, settings.at);
}

/** Changes options of a mount, for example "size=64m" or "ro". */
export async function remount(mount: Mount, options: string): Promise<void> {
  const output = await new Deno.Command("mount", { args: ["-o", `remount,${options}`, mount.path] }).output();
  if (!output.success) throw new Error(`Cannot remount: ${new TextDecoder().decode(output.stderr)}`);
}

/** From now on whoever writes to the file system waits, until the returned value is disposed of. Reading goes on. */
export async function freeze(mount: Mount): Promise<AsyncDisposable> {
  await fsfreeze("--freeze", mount);
  return { [Symbol.asyncDispose]: () => fsfreeze("--unfreeze", mount) };
}

async function fsfreeze(action: string, mount: Mount): Promise<void> {
  const output = await new Deno.Command("fsfreeze", { args: [action, mount.path], stdin: "null" }).output();
  if (!output.success) throw new Error(`Cannot ${action} ${mount.path}: ${new TextDecoder().decode(output.stderr)}`);
}

async function keep(mountCommand: string, argument = "", at?: string): Promise<Mount> {
  const directory = await testDirectory();
  const point = at === undefined ? `${await Deno.realPath(directory.path)}/mnt` : await Deno.realPath(at);
  // The keeper ignores Ctrl-C: it must outlive the tests by the moment that unmounting takes.
  const script =
    `trap '' INT TERM HUP; base=$0; point=$2; mkdir -p "$point" && chmod 755 "$base" && { ${mountCommand}; } &&
    { echo mounted; cat >/dev/null; i=0
      fsfreeze --unfreeze "$point" 2>/dev/null
      until umount "$point" 2>/dev/null; do i=$((i+1)); [ $i -gt 40 ] && { umount -l "$point"; break; }; sleep 0.05; done; }
    rm -rf --one-file-system "$base"`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, directory.path, argument, point],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const first = await reader.read();
  const end = async () => {
    await child.stdin.close();
    await reader.cancel();
    await child.status;
    return await errors;
  };
  if (first.done) throw new Error(`Cannot mount: ${await end()}`);
  return { path: point, [Symbol.asyncDispose]: async () => void await end() };
}
