import { assertEquals } from "@std/assert";
import { depthDoubts, mountDoubts } from "../../lib/session/doubts.ts";
import { testDirectory } from "../support/environment.ts";

const fstab = `
# /mnt/commented was on /dev/sdc1
UUID=1 / ext4 defaults 0 1
UUID=2 none swap sw 0 0
/dev/sdb1	/mnt/usb	exfat	noauto	0 0
/dev/sdb2 /mnt/usb/inner/ ext4 defaults 0 2
server:/export /mnt/my\\040nas nfs _netdev 0 0
tmpfs /run/link tmpfs defaults 0 0
/dev/sdb3 /mnt/absent ext4 noauto 0 0
short
`;

const mounted = (...points: string[]) =>
  ["/", ...points].map((point, i) => `${i} 1 8:${i} / ${point.replace(" ", "\\040")} rw - ext4 /dev/x rw`).join("\n");

function doubtsWith(destination: string, mountinfo: string): string[] {
  const files = {
    read: (path: string) => path === "/etc/fstab" ? fstab.trim() : mountinfo,
    // One mount point of the table is a link, and one does not exist.
    realPath: (path: string) => path.startsWith("/mnt/absent") ? undefined : path.replace(/^\/run\/link/, "/run/real"),
  };
  return mountDoubts(destination, files).map(({ message }) =>
    /^"(.*)" is a mount point of \/etc\/fstab/.exec(message)![1]
  );
}

const cases: [destination: string, mountinfo: string, doubted: string[]][] = [
  ["/mnt/usb", mounted(), ["/mnt/usb"]],
  ["/mnt/usb/backup/deep", mounted(), ["/mnt/usb"]],
  ["/mnt/usb/backup", mounted("/mnt/usb"), []],
  ["/mnt/usb/inner/x", mounted("/mnt/usb"), ["/mnt/usb/inner"]],
  ["/mnt/usb/inner/x", mounted("/mnt/usb", "/mnt/usb/inner"), []],
  ["/mnt/usb2", mounted(), []],
  ["/mnt/my nas/x", mounted(), ["/mnt/my nas"]],
  ["/mnt/my nas/x", mounted("/mnt/my nas"), []],
  ["/run/link/x", mounted(), ["/run/real"]],
  ["/run/link/x", mounted("/run/real"), []],
  ["/mnt/absent/x/y", mounted(), ["/mnt/absent"]],
  ["/mnt/commented", mounted(), []],
  ["/home/x", mounted(), []],
  ["/mnt/usb", "", []],
];

for (const [destination, mountinfo, doubted] of cases) {
  const points = mountinfo.split("\n").map((line) => line.split(" ")[4]).join(", ");
  Deno.test(`"${destination}" with ${points || "nothing known"} mounted is ${doubted.length ? "" : "not "}doubted`, () => {
    assertEquals(doubtsWith(destination, mountinfo), doubted);
  });
}

Deno.test("a destination is doubted where two directories above it are missing, not where one is", async () => {
  await using dir = await testDirectory();
  await dir.write({ "there": null });
  const doubted = (path: string) => depthDoubts(dir.at(path)).map(({ message }) => message.replaceAll(dir.path, ""));
  for (const path of ["there", "there/new", "there/a/new", "a/new/"]) assertEquals(doubted(path), []);
  assertEquals(doubted("there/a/b/new"), [
    'neither "/there/a/b/new" nor two directories above it exist; all are new, from "/there/a" on',
  ]);
  assertEquals(doubted("a/b/c/d/").length, 1);
});
