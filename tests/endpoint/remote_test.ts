import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BlitError } from "../../lib/base/errors.ts";
import {
  ambiguityWarning,
  DEFAULT_PORT,
  formatDaemon,
  formatRemote,
  parseDaemon,
  parseRemote,
  type RemoteEndpoint,
} from "../../lib/endpoint/remote.ts";

const remotes: [argument: string, host: string, port: number, module: string, path: string, contents: boolean][] = [
  ["srv:/data", "srv", 9031, "data", "", false],
  ["srv:/data/", "srv", 9031, "data", "", true],
  ["srv:/data/a/b", "srv", 9031, "data", "a/b", false],
  ["srv:/data//a/./b/.", "srv", 9031, "data", "a/b", true],
  ["srv:/", "srv", 9031, "", "", false],
  ["srv:9999:/data/a", "srv", 9999, "data", "a", false],
  ["10.0.0.7:/data", "10.0.0.7", 9031, "data", "", false],
  ["[::1]:/data", "::1", 9031, "data", "", false],
  ["[fe80::1%eth0]:9032:/data/x", "fe80::1%eth0", 9032, "data", "x", false],
  ["blit://srv/data/a b", "srv", 9031, "data", "a b", false],
  ["blit://srv:80/data/", "srv", 80, "data", "", true],
  ["blit://[::1]:80", "::1", 80, "", "", false],
  ["srv:/data/50%2f:/\udcff", "srv", 9031, "data", "50%2f:/\udcff", false],
  ["srv:/data/line\nbreak", "srv", 9031, "data", "line\nbreak", false],
];

for (const [argument, host, port, module, path, contents] of remotes) {
  Deno.test(`${JSON.stringify(argument)} names a remote place`, () => {
    assertEquals(parseRemote(argument, "linux"), { host, port, module, path, contents });
  });
}

const locals = ["", "a", "/a:/b", "./a:/b", "../a:/b", "./a:b", "/x/a:b", "a/b:/c", "./s3://b/x"];

for (const argument of locals) {
  Deno.test(`"${argument}" is local`, () => assertEquals(parseRemote(argument, "linux"), undefined));
}

const foreign: [argument: string, hint: string, why?: string][] = [
  ["nas:", 'Write nas:/module/path, or "./nas:" for the local name.'],
  ["nas:x", 'Write nas:/module/path, or "./nas:x" for the local name.'],
  ["nas:9032", 'Write nas:9032:/module/path, or "./nas:9032" for the local name.'],
  ["nas::m/x", 'Write nas:/module/path, or "./nas::m/x" for the local name.'],
  ["nas:9031/data", "Write nas:/module/path"],
  ["10:30.log", 'or "./10:30.log" for the local name.'],
  ["user@nas:/m/x", 'Write nas:/module/path, or "./user@nas:/m/x" for the local name.', "a daemon has no users"],
  ["user@nas:", "Write nas:/module/path", "a daemon has no users"],
  ["user@nas:9031:/m/x", "Write nas:/module/path", "a daemon has no users"],
  ["rsync://nas/m/x", 'Write host:/module/path, or "./rsync://nas/m/x"', 'does not speak "rsync"'],
  ["ssh://nas/x", "Write host:/module/path", 'does not speak "ssh"'],
  ["s3://bucket/x", "Write host:/module/path", 'does not speak "s3"'],
  ["sftp://u@nas/x", "Write host:/module/path", 'does not speak "sftp"'],
  ["BLIT://nas/m", "Write host:/module/path", 'does not speak "BLIT"'],
  ["file:///home/x", 'or "/home/x" for the local name.', 'does not speak "file"'],
  [":/c", "Write host:/module/path"],
  ["-a:/c", "Write host:/module/path"],
  ["a:b:/c", "Write a:/module/path"],
  ["[::1]", "Write host:/module/path"],
  ["[::1]/a", "Write host:/module/path"],
  ["[a]:b", "Write host:/module/path"],
  ["a b:c", "Write host:/module/path"],
];

for (const [argument, hint, why = "a colon before the first slash"] of foreign) {
  Deno.test(`${JSON.stringify(argument)} is refused, with the way to write it`, () => {
    const error = assertThrows(() => parseRemote(argument, "linux"), BlitError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, `Cannot use "${argument}": `);
    assertStringIncludes(error.message, why);
    assertStringIncludes(error.hint!, hint);
  });
}

Deno.test("a drive letter is local on Windows only", () => {
  assertEquals(parseRemote("C:/data", "windows"), undefined);
  assertEquals(parseRemote("C:/data", "linux")?.host, "C");
  assertEquals(parseRemote("blit://c/data", "windows")?.host, "c");
  assertEquals(parseRemote("srv:/data", "windows")?.module, "data");
  for (const local of ["C:", "c:data", "C:\\data", "C:9031"]) assertEquals(parseRemote(local, "windows"), undefined);
  assertEquals(parseRemote("C:9031:/data", "windows")?.port, 9031);
  assertThrows(() => parseRemote("nas:data", "windows"), BlitError);
  assertThrows(() => parseRemote("C:", "linux"), BlitError);
});

for (const argument of ["srv:0:/d", "srv:65536:/d", "blit://", "blit:///d", "blit://a b/d", "srv:/d/../e", "srv:/.."]) {
  Deno.test(`"${argument}" is wrong usage`, () => {
    const error = assertThrows(() => parseRemote(argument), BlitError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, argument);
  });
}

const hosts: [argument: string, host: string, port: number][] = [
  ["srv", "srv", 9031],
  ["srv:", "srv", 9031],
  ["srv:80", "srv", 80],
  ["::1", "::1", 9031],
  ["fd00::2", "fd00::2", 9031],
  ["[::1]:80", "::1", 80],
  ["srv:/data", "srv", 9031],
  ["srv:80:/", "srv", 80],
  ["blit://srv:80", "srv", 80],
];

for (const [argument, host, port] of hosts) {
  Deno.test(`"${argument}" names a daemon`, () => assertEquals(parseDaemon(argument), { host, port }));
}

for (const argument of ["", "a b", "/etc", "srv:x", "srv:0", "srv:99999", "./srv"]) {
  Deno.test(`"${argument}" names no daemon`, () => {
    assertEquals(assertThrows(() => parseDaemon(argument), BlitError).code, "usage");
  });
}

Deno.test("a place on another machine is warned of where a local entry has that name", () => {
  assertStringIncludes(ambiguityWarning("srv:/data", true)!, 'write "./srv:/data"');
  for (
    const [argument, exists] of [
      ["srv:/data", false],
      ["./srv:data", true],
      ["data", true],
      ["blit://srv/data", true],
      ["/a:/b", true],
    ] as const
  ) assertEquals(ambiguityWarning(argument, exists), undefined, argument);
});

const host = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
  fc.ipV4(),
  fc.ipV6().filter((address) => address.includes(":")),
);
const port = fc.oneof(fc.constant(DEFAULT_PORT), fc.integer({ min: 1, max: 65535 }));
/** Names as they come from bytes, escaped ones included. */
const part = fc.string({
  unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\udc80", "\udcff", ":", " ", "%")),
  minLength: 1,
})
  .filter((text) => !text.includes("/") && !text.includes("\0") && text !== "." && text !== ".." && text !== "");

const endpoint: fc.Arbitrary<RemoteEndpoint> = fc.record({
  host,
  port,
  module: part,
  path: fc.array(part, { maxLength: 4 }).map((parts) => parts.join("/")),
  contents: fc.boolean(),
});

Deno.test("what is written as an endpoint is read back as the same endpoint", () => {
  fc.assert(fc.property(endpoint, (written) => {
    assertEquals(parseRemote(formatRemote(written), "linux"), written);
    assertEquals(parseDaemon(formatDaemon(written)), { host: written.host, port: written.port });
    const { module, path, contents } = written;
    const shown = written.host.includes(":") ? `[${written.host}]` : written.host;
    const asUrl = `blit://${shown}:${written.port}/${[module, path].filter((x) => x).join("/")}${contents ? "/" : ""}`;
    assertEquals(parseRemote(asUrl, "linux"), written);
  }));
});

Deno.test("an absolute path and one that begins with a dot are local, whatever follows", () => {
  fc.assert(fc.property(fc.constantFrom("/", "./", "../", "~/"), fc.string({ unit: "binary" }), (start, rest) => {
    assertEquals(parseRemote(start + rest, "linux"), undefined);
    assertEquals(ambiguityWarning(start + rest, true), undefined);
  }));
});

Deno.test("any text is a place, wrong usage, or local; local only where no colon is before the first slash", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom("a", ":", "/", ".", "..", "[", "]", "0", "blit://"), fc.string()),
  });
  fc.assert(fc.property(text, (argument) => {
    try {
      const remote = parseRemote(argument, "linux");
      assertEquals(remote !== undefined, argument.split("/")[0].includes(":"));
      const parts = remote?.path.split("/") ?? [];
      assert(!parts.some((name) => name === ".." || name === "."));
    } catch (error) {
      assert(error instanceof BlitError && error.code === "usage", String(error));
    }
  }));
});
