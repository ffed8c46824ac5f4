/** Which file system a path is on, from the text of /proc/self/mountinfo, and where others belong, from that of /etc/fstab. Pure. */

import { trimSlashes } from "../base/path_parts.ts";

export interface Mount {
  /** "254:1", as the kernel numbers the file system. */
  readonly device: string;
  readonly mountPoint: string;
  /** "ext4". */
  readonly kind: string;
  /** "/dev/vda1", "host:/export", "tmpfs". */
  readonly source: string;
}

export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [front, back] = line.split(" - ");
    const [, , device, , mountPoint] = front.split(" ");
    const [kind, source] = back?.split(" ") ?? [];
    return source === undefined ? [] : [{ device, mountPoint: unescape(mountPoint), kind, source: unescape(source) }];
  });
}

/** The mount that holds `path`, absolute and without symlinks. Of two at one place the later one is on top. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const holds = mount.mountPoint === "/" || path === mount.mountPoint || path.startsWith(`${mount.mountPoint}/`);
    if (holds && mount.mountPoint.length >= (found?.mountPoint.length ?? 0)) found = mount;
  }
  return found;
}

/** Where the file systems of an fstab belong, whether they are mounted or not. */
export function parseMountPoints(fstab: string): string[] {
  return fstab.split("\n").flatMap((line) => {
    const [source, point] = line.trim().split(/\s+/);
    return source.startsWith("#") || !point?.startsWith("/") ? [] : [trimSlashes(unescape(point))];
  });
}

/** White space and backslashes stand as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
