/** File systems that take names for one when they differ in case only, mounted for a test. */

import { command, mounting, type Need } from "./needs.ts";
import { type Mount, mountBy } from "./mounts.ts";

export interface Folding {
  readonly name: string;
  readonly needs: readonly Need[];
  mount(): Promise<Mount>;
}

function folding(name: string, maker: string, make: string, mounter: string, mount: string): Folding {
  return {
    name,
    needs: [mounting, command(maker), command(mounter)],
    mount: () =>
      mountBy(
        `truncate -s 96M "$base/image" && ${maker} ${make} "$base/image" >/dev/null 2>&1 &&
         loop=$(losetup --find --show "$base/image") && ${mounter} ${mount} "$loop" "$point" >/dev/null 2>&1 &&
         losetup --detach "$loop"`, // from here on the mount alone holds it
      ),
  };
}

export const foldingFileSystems: readonly Folding[] = [
  folding("exFAT", "mkfs.exfat", "", "mount.exfat-fuse", ""),
  // It lists every name in lower case.
  folding("NTFS", "mkfs.ntfs", "-q -Q -F", "lowntfs-3g", "-o ignore_case"),
];
