/**
 * File names are bytes; inside blit they travel as strings that lose nothing.
 *
 * A byte that is not part of valid UTF-8 becomes the lone surrogate U+DC80 + (byte - 0x80), as in PEP 383
 * ("surrogateescape"), so `pathToBytes(pathFromBytes(b))` is `b` for every `b`. JSON output keeps that form (JSON.stringify
 * writes lone surrogates as \udcXX), text output shows such a byte as `\xNN`.
 */

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes a file name or path, without loss. */
export function pathFromBytes(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return decodeWithEscapes(bytes);
  }
}

/** Encodes a path made by `pathFromBytes` (or any ordinary string) back to its bytes. */
export function pathToBytes(path: string): Uint8Array<ArrayBuffer> {
  if (!/[\udc80-\udcff]/.test(path)) return encoder.encode(path);
  const out: number[] = [];
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code >= 0xdc80 && code <= 0xdcff && !isHighSurrogate(path.charCodeAt(i - 1))) {
      out.push(code - 0xdc00);
      continue;
    }
    const point = path.codePointAt(i)!;
    out.push(...encoder.encode(String.fromCodePoint(point)));
    if (point > 0xffff) i++;
  }
  return new Uint8Array(out);
}

/** For terminals: undecodable bytes and control characters as `\xNN`, everything else as it is. */
export function printablePath(path: string): string {
  // deno-lint-ignore no-control-regex
  return path.replace(/[\u0000-\u001f\u007f-\u009f]|(?<![\ud800-\udbff])[\udc80-\udcff]/g, (char) => {
    const code = char.charCodeAt(0);
    const byte = code >= 0xdc80 ? code - 0xdc00 : code;
    return `\\x${byte.toString(16).padStart(2, "0")}`;
  });
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** Length of the valid UTF-8 sequence at `at`, or 0 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  const length = first < 0x80
    ? 1
    : first >= 0xc2 && first < 0xe0
    ? 2
    : first >= 0xe0 && first < 0xf0
    ? 3
    : first >= 0xf0 && first < 0xf5
    ? 4
    : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1];
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return length;
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let out = "";
  let validFrom = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    out += strictDecoder.decode(bytes.subarray(validFrom, at)) + String.fromCharCode(0xdc00 + bytes[at]);
    at++;
    validFrom = at;
  }
  return out + strictDecoder.decode(bytes.subarray(validFrom));
}
