import { assertEquals } from "@std/assert";
import { type FileSystemFacts, fileSystemFacts } from "../../lib/tune/file_system.ts";
import { mountOf, parseMounts } from "../../lib/tune/mounts.ts";
import type { SystemFiles } from "../../lib/tune/system_files.ts";

const mountinfo = [
  "27 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw",
  "22 27 0:21 / /proc rw - proc proc rw",
  "30 27 0:27 / /mnt rw - tmpfs tmpfs rw",
  "31 27 8:17 / /mnt/old\\040disk rw - xfs /dev/sdb1 rw",
  "32 27 0:44 / /mnt/share rw - nfs4 server:/export rw",
  "33 27 0:45 / /mnt/share/deep rw - fuse.sshfs host: rw",
  "34 27 9:0 / /raid rw - ext4 /dev/md0 rw",
  "35 27 9:1 / /mirror rw - ext4 /dev/md1 rw",
  "36 27 0:50 / /pool rw - btrfs /dev/mapper/pool rw",
  "37 27 254:0 / /virtual rw - ext4 /dev/vda rw",
  "38 27 8:48 / /array rw - ext4 /dev/sdd rw",
  "39 27 8:33 / /over rw - ext4 /dev/sdc1 rw",
  "40 39 0:60 / /over rw - overlay overlay rw",
].join("\n");

const disk = "/sys/devices/pci0000:00";
const links: Record<string, string> = {
  "/sys/dev/block/259:2": `${disk}/block/nvme0n1/nvme0n1p2`,
  "/sys/dev/block/8:17": `${disk}/block/sdb/sdb1`,
  "/sys/dev/block/9:0": `${disk}/block/md0`,
  "/sys/dev/block/9:1": `${disk}/block/md1`,
  "/dev/mapper/pool": "/dev/dm-3",
  "/sys/class/block/dm-3": `${disk}/block/dm-3`,
  "/sys/dev/block/254:0": `${disk}/block/vda`,
  "/sys/dev/block/8:48": `${disk}/block/sdd`,
};
const texts: Record<string, string> = {
  "/proc/self/mountinfo": mountinfo,
  [`${disk}/block/nvme0n1/nvme0n1p2/partition`]: "2",
  [`${disk}/block/nvme0n1/queue/rotational`]: "0",
  [`${disk}/block/nvme0n1/queue/nr_requests`]: "1023",
  [`${disk}/block/nvme0n1/queue/minimum_io_size`]: "512",
  [`${disk}/block/nvme0n1/queue/optimal_io_size`]: "4096",
  [`${disk}/block/sdb/sdb1/partition`]: "1",
  [`${disk}/block/sdb/queue/rotational`]: "1",
  [`${disk}/block/sdb/queue/nr_requests`]: "256",
  [`${disk}/block/sdb/device/queue_depth`]: "32",
  [`${disk}/block/md0/queue/rotational`]: "1",
  [`${disk}/block/md0/md/raid_disks`]: "5",
  [`${disk}/block/md0/md/chunk_size`]: "524288",
  [`${disk}/block/md0/md/level`]: "raid5",
  [`${disk}/block/md1/queue/rotational`]: "0",
  [`${disk}/block/md1/md/raid_disks`]: "2",
  [`${disk}/block/md1/md/chunk_size`]: "0",
  [`${disk}/block/md1/md/level`]: "raid1",
  [`${disk}/block/dm-3/queue/rotational`]: "0",
  [`${disk}/block/vda/queue/rotational`]: "1",
  [`${disk}/block/sdd/queue/rotational`]: "1",
  [`${disk}/block/sdd/queue/minimum_io_size`]: "65536",
  [`${disk}/block/sdd/queue/optimal_io_size`]: "262144",
};
const files: SystemFiles = { read: (path) => texts[path], realPath: (path) => links[path] };

const cases: [path: string, facts: FileSystemFacts][] = [
  ["/home/me", {
    profile: { kind: "ext4", network: false, rotational: false, device: "nvme0n1" },
    queueDepth: 1023,
    disks: 1,
  }],
  ["/mnt/old disk/x", {
    profile: { kind: "xfs", network: false, rotational: true, device: "sdb" },
    queueDepth: 32,
    disks: 1,
  }],
  ["/mnt", { profile: { kind: "tmpfs", network: false }, disks: 1 }],
  ["/mnt/share", { profile: { kind: "nfs4", network: true }, disks: 1 }],
  ["/mnt/share/deep/x", { profile: { kind: "fuse.sshfs", network: true }, disks: 1 }],
  ["/mnt/shared", { profile: { kind: "tmpfs", network: false }, disks: 1 }],
  ["/raid/x", {
    profile: { kind: "ext4", network: false, rotational: true, device: "md0" },
    queueDepth: undefined,
    disks: 4,
    stripeBytes: 4 * 524288,
  }],
  ["/mirror", {
    profile: { kind: "ext4", network: false, rotational: false, device: "md1" },
    queueDepth: undefined,
    disks: 1,
    stripeBytes: undefined,
  }],
  ["/pool/x", {
    profile: { kind: "btrfs", network: false, rotational: false, device: "dm-3" },
    queueDepth: undefined,
    disks: 1,
  }],
  ["/virtual", {
    profile: { kind: "ext4", network: false, rotational: undefined, device: "vda" },
    queueDepth: undefined,
    disks: 1,
  }],
  ["/array", {
    profile: { kind: "ext4", network: false, rotational: true, device: "sdd" },
    queueDepth: undefined,
    disks: 4,
    stripeBytes: 262144,
  }],
  ["/over/x", { profile: { kind: "overlay", network: false }, disks: 1 }],
];

for (const [path, facts] of cases) {
  Deno.test(`${path} is on ${facts.profile.kind}, ${facts.profile.device ?? "no disk that is known"}`, () => {
    assertEquals(fileSystemFacts(path, files), facts);
  });
}

Deno.test("where the system tells nothing, the file system is unknown", () => {
  const silent: SystemFiles = { read: () => undefined, realPath: () => undefined };
  assertEquals(fileSystemFacts("/home", silent), { profile: { kind: "unknown", network: false }, disks: 1 });
});

Deno.test("mounts: escapes are undone, broken lines passed over", () => {
  assertEquals(parseMounts("30 1 0:5 / /a\\040b\\134c rw - 9p my\\040share rw\n\nnonsense"), [
    { device: "0:5", mountPoint: "/a b\\c", kind: "9p", source: "my share" },
  ]);
  assertEquals(mountOf([], "/"), undefined);
});
