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

const locals = [
  "",
  "a",
  "/a:/b",
  "./a:/b",
  "../a:/b",
  "a:b",
  "a:",
  "a:b:/c",
  "a/b:/c",
  ":/c",
  "-a:/c",
  "[::1]",
  "[::1]/a",
  "[a]:/b",
  "srv:9031/data",
];

for (const argument of locals) {
  Deno.test(`"${argument}" is local`, () => assertEquals(parseRemote(argument, "linux"), undefined));
}

Deno.test("a drive letter is local on Windows only", () => {
  assertEquals(parseRemote("C:/data", "windows"), undefined);
  assertEquals(parseRemote("C:/data", "linux")?.host, "C");
  assertEquals(parseRemote("blit://c/data", "windows")?.host, "c");
  assertEquals(parseRemote("srv:/data", "windows")?.module, "data");
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

Deno.test("a name that could be meant otherwise is warned of", () => {
  assertStringIncludes(ambiguityWarning("srv:/data", true)!, 'write "./srv:/data"');
  assertStringIncludes(ambiguityWarning("srv:data", false)!, "host:/module/path");
  for (
    const [argument, exists] of [
      ["srv:/data", false],
      ["srv:data", true],
      ["./srv:data", false],
      ["data", false],
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

Deno.test("any text is a place, local, or wrong usage, and never leads out of a module", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom("a", ":", "/", ".", "..", "[", "]", "0", "blit://"), fc.string()),
  });
  fc.assert(fc.property(text, (argument) => {
    try {
      const parts = parseRemote(argument, "linux")?.path.split("/") ?? [];
      assert(!parts.some((name) => name === ".." || name === "."));
    } catch (error) {
      assert(error instanceof BlitError && error.code === "usage", String(error));
    }
  }));
});
