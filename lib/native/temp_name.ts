/**
 * Names of temporary files, as in native/temp.c: `.blit-`, process id and counter as 16 hex digits, a check value of those as 8 more,
 * `.tmp`; or with a hash of the file's name as the 16 digits and `.part` at the end. The check value tells them from a user's names.
 */

const pattern = /^\.blit-([0-9a-f]{16})([0-9a-f]{8})\.(?:tmp|part)$/;

export function isTempName(name: string): boolean {
  const [, digits, check] = pattern.exec(name) ?? [];
  return digits !== undefined && checkValue(digits) === check;
}

/** What a run that shall be continued left of a file. */
export function isPartName(name: string): boolean {
  return name.endsWith(".part") && isTempName(name);
}

export function tempNameOf(process: number, number: number): string {
  const digits = hex8(process) + hex8(number);
  return `.blit-${digits}${checkValue(digits)}.tmp`;
}

/** FNV-1a of 32 bits. */
function checkValue(digits: string): string {
  let hash = 0x811c9dc5;
  for (const digit of digits) hash = Math.imul(hash ^ digit.charCodeAt(0), 0x01000193) >>> 0;
  return hex8(hash);
}

function hex8(n: number): string {
  return n.toString(16).padStart(8, "0");
}
