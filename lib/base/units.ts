/**
 * Sizes, rates, durations and counts as people write and read them.
 *
 * Parsing returns undefined for anything it does not fully understand; the caller owns the message. Sizes follow rsync
 * and rclone: `K`, `M` ... and `KiB`, `MiB` ... are powers of 1024, `KB`, `MB` ... powers of 1000, no suffix or `B` is
 * bytes. Formatting uses powers of 1024 and three significant digits.
 */

const sizeLetters = "KMGTPE";

/** Bytes of "1K", "10M", "1.5GiB", "20MB", "512"; fractions of a byte are cut off. Case does not matter. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(?:([kmgtpe])(i?b)?|b)?$/i.exec(text);
  if (match === null) return undefined;
  const [, digits, letter, ending] = match;
  const base = ending?.toLowerCase() === "b" ? 1000 : 1024;
  const power = letter === undefined ? 0 : sizeLetters.indexOf(letter.toUpperCase()) + 1;
  if (power === 0 && digits.includes(".")) return undefined;
  const bytes = Math.floor(Number(digits) * base ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Bytes per second of "10M", "10MiB/s", "500KB/s", "1000B"; "0" and "off" mean no limit (0).
 * A bare number is refused: rsync and rclone read it as KiB, other programs as bytes.
 */
export function parseRate(text: string): number | undefined {
  if (text === "0" || text.toLowerCase() === "off") return 0;
  const amount = text.replace(/\/s$/i, "");
  return /[a-z]$/i.test(amount) ? parseSize(amount) : undefined;
}

const durationUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** Milliseconds of "30s", "10m", "2h", "7d", "4w", "1y", "1h30m", "1.5d"; a bare number is seconds (as in rclone). */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return finite(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|[smhdwy]))+$/i.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/gi)) {
    total += Number(amount) * durationUnitsMs[unit.toLowerCase()];
  }
  return finite(total);
}

/** A whole number of at least 0. */
export function parseCount(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : undefined;
}

function finite(value: number): number | undefined {
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** "999 B", "4.00 KiB", "12.3 MiB", "842 GiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes;
  let power = 0;
  // 999.5 rather than 1024, so that rounding never gives a fourth digit ("1000 KiB" becomes "0.98 MiB").
  while (value >= 999.5 && power < sizeLetters.length) {
    value /= 1024;
    power++;
  }
  return `${threeDigits(value)} ${sizeLetters[power - 1]}iB`;
}

/** `formatBytes` per second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** How long something took: "0 ms", "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min", "3 d 04 h". */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`;
  const [days, hours, minutes, seconds] = splitSeconds(ms);
  if (days > 0) return `${days} d ${two(hours)} h`;
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  return `${minutes} min ${two(seconds)} s`;
}

/** Time left, as a clock: "0:07", "12:34", "1:02:03"; "3d04h" from a day on. */
export function formatClock(ms: number): string {
  const [days, hours, minutes, seconds] = splitSeconds(ms);
  if (days > 0) return `${days}d${two(hours)}h`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds)}`;
  return `${minutes}:${two(seconds)}`;
}

function splitSeconds(ms: number): [days: number, hours: number, minutes: number, seconds: number] {
  const total = Math.round(ms / 1000);
  return [Math.floor(total / 86_400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60, total % 60];
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** 1234567 as "1,234,567", whatever the locale. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 file", "1,234 files". */
export function formatCountOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}
