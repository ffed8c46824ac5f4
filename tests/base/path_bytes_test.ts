import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { pathFromBytes, pathToBytes, printablePath } from "../../lib/base/path_bytes.ts";

/** Bytes as file names have them: often text, often text with something broken in it. */
const nameBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
  fc.tuple(fc.string({ unit: "binary", maxLength: 8 }), fc.uint8Array({ maxLength: 4, min: 0x80 })).map((
    [text, bytes],
  ) => new Uint8Array([...new TextEncoder().encode(text), ...bytes])),
);

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("every name comes back as the bytes it was", () => {
  fc.assert(fc.property(nameBytes, (bytes) => {
    assertEquals(pathToBytes(pathFromBytes(bytes)), bytes);
  }));
});

Deno.test("a name that is UTF-8 is its ordinary string, a byte order mark included", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(pathFromBytes(bytes), text);
    assertEquals(pathToBytes(text), bytes);
  }));
  assertEquals(pathFromBytes(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), "\ufeffa");
});

Deno.test("exactly the bytes that are no UTF-8 become lone surrogates", () => {
  const decoded: [number[], string][] = [
    [[0xff], "\udcff"],
    [[0x61, 0x80, 0x62], "a\udc80b"],
    [[0xc3], "\udcc3"],
    [[0xe2, 0x82], "\udce2\udc82"],
    [[0xe2, 0x82, 0xac], "€"],
    [[0xc0, 0xaf], "\udcc0\udcaf"], // an overlong slash stays what it is: two bytes
    [[0xe0, 0x80, 0xaf], "\udce0\udc80\udcaf"],
    [[0xed, 0xa0, 0x80], "\udced\udca0\udc80"], // a surrogate in UTF-8
    [[0xed, 0xb2, 0x80], "\udced\udcb2\udc80"], // the very one that stands for byte 0x80
    [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"], // beyond U+10FFFF
    [[0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f], "😀\udcf0\udc9f"],
  ];
  for (const [bytes, text] of decoded) {
    assertEquals(pathFromBytes(new Uint8Array(bytes)), text);
    assertEquals(pathToBytes(text), new Uint8Array(bytes));
  }
});

Deno.test("no two names share a string", () => {
  fc.assert(fc.property(nameBytes, nameBytes, (a, b) => {
    assertEquals(pathFromBytes(a) === pathFromBytes(b), a.length === b.length && a.every((byte, i) => byte === b[i]));
  }));
});

Deno.test("joining strings joins the bytes", () => {
  fc.assert(fc.property(nameBytes, nameBytes, (a, b) => {
    const joined = `${pathFromBytes(a)}/${pathFromBytes(b)}`;
    assertEquals(pathToBytes(joined), new Uint8Array([...a, 0x2f, ...b]));
  }));
});

Deno.test("JSON carries every name", () => {
  fc.assert(fc.property(nameBytes, (bytes) => {
    const json = JSON.stringify(pathFromBytes(bytes));
    assert(isUtf8(new TextEncoder().encode(json)) && json.isWellFormed());
    assertEquals(pathToBytes(JSON.parse(json)), bytes);
  }));
});

Deno.test("what is printed has no control character and no lone surrogate", () => {
  fc.assert(fc.property(nameBytes, (bytes) => {
    const shown = printablePath(pathFromBytes(bytes));
    assert(shown.isWellFormed());
    // deno-lint-ignore no-control-regex
    assert(!/[\u0000-\u001f\u007f-\u009f]/.test(shown), shown);
  }));
});

Deno.test("ordinary names are printed as they are, others with their bytes in hex", () => {
  const printed: [string, string][] = [
    ["dir/name.txt", "dir/name.txt"],
    ["Größe 😀 日本", "Größe 😀 日本"],
    ["a\udcff", "a\\xff"],
    ["tab\there", "tab\\x09here"],
    ["\x1b[31mred", "\\x1b[31mred"],
    ["line\nbreak\r", "line\\x0abreak\\x0d"],
    ["\u009b1m", "\\x9b1m"], // a terminal may take it for an escape sequence's beginning
  ];
  for (const [path, shown] of printed) assertEquals(printablePath(path), shown);
});
