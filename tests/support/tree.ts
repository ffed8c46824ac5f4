/**
 * Deterministic trees for the tests: the same seed gives the same tree, so a failure can be made again.
 *
 * A tree is a list of operations for fixture.c. `everyKind` holds one of everything that "full fidelity" promises;
 * `randomTree` adds arbitrary mixtures; `deepTree` goes past PATH_MAX.
 */

import { percentEncode } from "./fixture.ts";
import { Random } from "./random.ts";
import { type Metadata, TreeBuilder } from "./tree_builder.ts";

const MIB = 1 << 20;

/** Names that programs get wrong; percent-encoded. */
export const AWKWARD_NAMES: readonly string[] = [
  ...[
    " ",
    "with space",
    " leading",
    "trailing ",
    "new\nline",
    "\n",
    "tab\there",
    "\x01\x7f",
    "-dash",
    "--delete",
    "-",
    "~",
    "~tilde",
  ],
  ...[
    "quo'te",
    'dou"ble',
    "back\\slash",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "$HOME",
    "`id`",
    "#comment",
    ";",
    "&",
    "|",
    "%41",
    "a:b",
    "host:x",
  ],
  ...[
    "...",
    ".hidden",
    "..a",
    ".blit",
    "\u00e9",
    "e\u0301",
    "日本語",
    "😀",
    "\u202eevil",
    "\ufeffbom",
    "CON",
    "nul.txt",
  ],
].map(percentEncode).concat(
  // Latin-1, lone continuation, overlong slash, surrogate, beyond U+10FFFF, a sequence cut short.
  ["caf%E9", "%80", "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%E2%82", "%FF%FE%FD"],
  ["x".repeat(255), "%E9".repeat(255), percentEncode("é".repeat(127))],
);

const FILE_SIZES = [0, 1, 511, 512, 4095, 4096, 4097, 65535, 65536, 65537, 262144, MIB - 1, MIB, MIB + 1];
/** Large enough for the range path; not a multiple of anything. */
const LARGE_SIZE = 17 * MIB + 4321;

/** [seconds, nanoseconds]: the epoch, before it, rounding traps, far future (ext4 ends in 2446, xfs in 2486). */
const TIMES: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 1],
  [-1, 999_999_999],
  [-1, 0],
  [-1_500_000_000, 123_456_789],
  [1_000_000_000, 999_999_999],
  [1_700_000_000, 1],
  [2_147_483_647, 5],
  [2_147_483_648, 0],
  [4_102_444_800, 987_654_321],
  [13_000_000_000, 42],
];

/** One of everything. */
export function everyKind(metadata: Metadata): TreeBuilder {
  const tree = new TreeBuilder(metadata);
  regularFiles(tree);
  sparseFiles(tree);
  links(tree);
  names(tree);
  modesAndOwners(tree);
  extendedAttributes(tree);
  specialFiles(tree);
  tree.directory("empty").directory("nested").directory("nested/empty").directory("nested/empty/more");
  let path = "deep";
  for (let level = 0; level < 300; level++) tree.directory(level === 0 ? path : path += "/d");
  tree.file(`${path}/bottom`, 10);
  tree.directory("wide");
  for (let i = 0; i < 1500; i++) tree.file(`wide/entry-${i}`, i % 7, i);
  times(tree);
  return tree;
}

function regularFiles(tree: TreeBuilder): void {
  tree.directory("sizes");
  FILE_SIZES.forEach((size, i) => tree.file(`sizes/${size}`, size, i));
  tree.file("sizes/large", LARGE_SIZE, 77);
}

function sparseFiles(tree: TreeBuilder): void {
  tree.directory("sparse")
    .sparse("sparse/nothing", 8 * MIB, [])
    .sparse("sparse/hole-first", 2 * MIB, [[2 * MIB - 8192, 8192]])
    .sparse("sparse/hole-last", 2 * MIB, [[0, 8192]])
    .sparse("sparse/hole-between", 2 * MIB, [[0, 4096], [2 * MIB - 100, 100]])
    .sparse("sparse/unaligned", 2 * MIB + 77, [[5000, 300], [1_300_001, 5]])
    .sparse("sparse/large", 24 * MIB + 5, [[0, 65536], [17 * MIB, MIB], [24 * MIB, 5]])
    .sparse("sparse/large-nothing", 20 * MIB, []);
}

function links(tree: TreeBuilder): void {
  tree.directory("links").directory("links/target").directory("elsewhere");
  tree.file("links/file", 1000, 5)
    .symlink("links/relative", "file")
    .symlink("links/up", "../sizes/4096")
    .symlink("links/absolute", "/etc/hostname")
    .symlink("links/dangling", "no/such/thing")
    .symlink("links/to-directory", "target")
    .symlink("links/loop", "loop")
    .symlink("links/bytes", "caf%E9%0A")
    .symlink("links/long", "t".repeat(1000));
  tree.file("links/hard", 3000, 6).link("links/hard-2", "links/hard").link("elsewhere/hard-3", "links/hard");
  tree.file("links/hard-large", 300_000, 7).link("elsewhere/hard-large", "links/hard-large");
  tree.link("elsewhere/symlink-too", "links/relative");
  // A group whose first name in any order lies in different directories.
  for (let i = 0; i < 20; i++) {
    tree.directory(`links/group-${i}`);
    if (i === 0) tree.file("links/group-0/one", 50, 8);
    else tree.link(`links/group-${i}/one`, "links/group-0/one");
  }
}

function names(tree: TreeBuilder): void {
  tree.directory("names");
  AWKWARD_NAMES.forEach((name, i) => {
    if (i % 3 === 0) tree.directory(`names/${name}`).file(`names/${name}/${name}`, i, i);
    else if (i % 3 === 1) tree.file(`names/${name}`, i, i);
    else tree.symlink(`names/${name}`, name);
  });
}

function modesAndOwners(tree: TreeBuilder): void {
  tree.directory("modes");
  const privileged = tree.metadata.has("owner");
  const fileModes = [0o644, 0o600, 0o755, 0o777, 0o444, 0o400, ...privileged ? [0o000, 0o222, 0o111] : []];
  const bits = [0, 0o4000, 0o2000, 0o6000, 0o1000];
  for (const mode of fileModes) {
    for (const bit of bits) {
      const path = `modes/file-${(mode | bit).toString(8)}`;
      tree.file(path, 20, mode).owner(path, mode, bit).mode(path, mode | bit);
    }
  }
  for (
    const mode of [0o755, 0o700, 0o2775, 0o1777, 0o3777, 0o4755, 0o500, ...privileged ? [0o000, 0o2000, 0o333] : []]
  ) {
    const path = `modes/dir-${mode.toString(8)}`;
    tree.directory(path).file(`${path}/inside`, 5).owner(path, 1000, 2000).mode(path, mode);
  }
  tree.symlink("modes/symlink", "file-644").owner("modes/symlink", 12, 34);
  tree.file("modes/large-id", 3).owner("modes/large-id", 4_000_000_000, 3_999_999_999);
}

/** A POSIX ACL as the kernel stores it: version 2, then (tag, permissions, id) each. */
export function accessControlList(
  entries: readonly (readonly [tag: number, permissions: number, id?: number])[],
): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 + entries.length * 8));
  bytes.setUint32(0, 2, true);
  entries.forEach(([tag, permissions, id], i) => {
    bytes.setUint16(4 + i * 8, tag, true);
    bytes.setUint16(6 + i * 8, permissions, true);
    bytes.setUint32(8 + i * 8, id ?? 0xffffffff, true);
  });
  return new Uint8Array(bytes.buffer);
}

const ACL = { userObject: 1, user: 2, groupObject: 4, group: 8, mask: 16, other: 32 };

/** Mask and owning group differ, so a chmod after the ACL would damage it. */
const SAMPLE_ACL = accessControlList([
  [ACL.userObject, 6],
  [ACL.user, 4, 1234],
  [ACL.groupObject, 4],
  [ACL.group, 7, 5678],
  [ACL.mask, 6],
  [ACL.other, 0],
]);
const DIRECTORY_ACL = accessControlList([
  [ACL.userObject, 7],
  [ACL.user, 5, 1234],
  [ACL.groupObject, 0],
  [ACL.mask, 5],
  [ACL.other, 1],
]);
/** Reaches entries made below the directory unless the copy prevents it. */
const DEFAULT_ACL = accessControlList([
  [ACL.userObject, 7],
  [ACL.user, 7, 1234],
  [ACL.groupObject, 5],
  [ACL.mask, 7],
  [ACL.other, 4],
]);

function extendedAttributes(tree: TreeBuilder): void {
  tree.directory("attributes").directory("attributes/dir").directory("attributes/default");
  for (const size of [0, 10, 200_000]) {
    const path = `attributes/file-${size}`;
    tree.file(path, size, size).attribute(path, "user.short", "value").attribute(path, "user.empty", "");
    tree.attribute(path, "user.bytes", new Uint8Array([0, 255, 10, 0])).attribute(path, "user.long", "v".repeat(1500));
    tree.attribute(path, "trusted.kept", "for root").attribute(path, "system.posix_acl_access", SAMPLE_ACL);
  }
  tree.file("attributes/capable", 30).mode("attributes/capable", 0o755)
    .attribute(
      "attributes/capable",
      "security.capability",
      new Uint8Array([1, 0, 0, 2, 0, 0x20, ...new Uint8Array(14)]),
    );
  tree.file("attributes/linked", 30, 4).link("attributes/linked-2", "attributes/linked").attribute(
    "attributes/linked",
    "user.a",
    "b",
  );
  tree.file("attributes/read-only", 30).mode("attributes/read-only", 0o444).attribute(
    "attributes/read-only",
    "user.a",
    "b",
  );
  tree.attribute("attributes/dir", "user.of-directory", "yes").attribute(
    "attributes/dir",
    "system.posix_acl_access",
    DIRECTORY_ACL,
  );
  tree.symlink("attributes/symlink", "dir").attribute("attributes/symlink", "trusted.of-symlink", "yes");
  // Made before the default ACL is set, so in the source they inherit nothing; a copy into the finished directory would.
  tree.directory("attributes/default/sub").file("attributes/default/file", 12).file("attributes/default/sub/file", 12);
  tree.attribute("attributes/default", "system.posix_acl_default", DEFAULT_ACL);
}

function specialFiles(tree: TreeBuilder): void {
  tree.directory("special").special("fifo", "special/fifo").special("socket", "special/socket");
  tree.device("char", "special/null", 1, 3).device("block", "special/loop", 7, 200).device(
    "char",
    "special/large",
    400,
    70_000,
  );
  tree.mode("special/fifo", 0o600).owner("special/fifo", 7, 8).mode("special/socket", 0o711);
  if (tree.metadata.has("device")) tree.mode("special/null", 0o666).owner("special/loop", 9, 10);
  tree.special("fifo", "special/fifo-linked").link("special/fifo-2", "special/fifo-linked");
}

function times(tree: TreeBuilder): void {
  tree.directory("times");
  TIMES.forEach(([seconds, nanoseconds], i) => {
    tree.file(`times/file-${i}`, 8, i).time(`times/file-${i}`, seconds, nanoseconds);
    tree.directory(`times/dir-${i}`).file(`times/dir-${i}/inside`, 1).time(`times/dir-${i}`, seconds, nanoseconds);
    tree.symlink(`times/symlink-${i}`, `file-${i}`).time(`times/symlink-${i}`, seconds, nanoseconds);
  });
  for (
    const path of [
      "special/fifo",
      "special/socket",
      "sizes/large",
      "sparse/large",
      "links/hard",
      "empty",
      "deep",
      "wide",
    ]
  ) {
    tree.time(path, 1_234_567_890, 135_791_113);
  }
  tree.time(".", 1_111_111_111, 222_222_222);
}

/** `count` entries of mixed kinds, sizes and metadata in a random shape. */
export function randomTree(seed: number, count: number, metadata: Metadata): TreeBuilder {
  const random = new Random(seed);
  const tree = new TreeBuilder(metadata);
  const directories = ["."];
  const files: string[] = [];
  const privileged = metadata.has("owner");
  for (let i = 0; i < count; i++) {
    const parent = random.pick(directories);
    const name = random.chance(15)
      ? `${i}-${random.pick(AWKWARD_NAMES).slice(0, 180).replace(/%.?$/, "")}`
      : `${random.pick(["a", "b", "c"])}${i}`;
    const path = parent === "." ? name : `${parent}/${name}`;
    const kind = random.below(100);
    if (kind < 20) {
      tree.directory(path);
      directories.push(path);
      if (random.chance(30)) tree.mode(path, random.pick([0o700, 0o750, 0o2755, 0o1777]));
    } else if (kind < 75 || files.length === 0) {
      randomFile(tree, random, path, i);
      files.push(path);
      if (random.chance(40)) tree.mode(path, random.pick([0o600, 0o640, 0o444, 0o4755, ...privileged ? [0] : []]));
    } else if (kind < 85) tree.symlink(path, random.pick(["x", "../up", "/abs", percentEncode("sp ace")]));
    else if (kind < 95) {
      tree.link(path, random.pick(files));
      continue;
    } else tree.special(random.pick(["fifo", "socket"]), path);
    if (random.chance(30)) tree.owner(path, random.below(3000), random.below(3000));
    if (random.chance(60)) tree.time(path, ...random.pick(TIMES));
    if (kind < 75 && random.chance(20)) tree.attribute(path, `user.n${random.below(9)}`, `value ${i}`);
  }
  return tree;
}

function randomFile(tree: TreeBuilder, random: Random, path: string, seed: number): void {
  if (random.chance(10)) {
    const size = random.below(2 * MIB);
    tree.sparse(path, size, size > 20_000 ? [[random.below(size - 10_000), 10_000]] : [], seed);
  } else {
    tree.file(path, random.chance(80) ? random.below(20_000) : random.pick(FILE_SIZES), seed);
  }
}

/** 120 directories of 100-byte names inside one another (12,000 bytes of path), entries on the way and at the bottom. */
export function deepTree(): TreeBuilder {
  const tree = new TreeBuilder(new Set());
  let path = "";
  for (let level = 0; level < 120; level++) {
    path += `${level === 0 ? "" : "/"}${String(level).padStart(4, "0")}${"-long".repeat(19)}`;
    tree.directory(path);
    if (level % 20 === 0) tree.file(`${path}/file`, level * 10, level);
    tree.time(path, 1_300_000_000 + level, level);
  }
  return tree.file(`${path}/bottom`, 100_000, 9).symlink(`${path}/symlink`, "bottom").link(
    `${path}/hard`,
    `${path}/bottom`,
  )
    .special("fifo", `${path}/fifo`).time(`${path}/bottom`, 1_300_000_000, 5);
}
