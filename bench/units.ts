/** How the bench writes numbers for people. */

export function showCount(count: number): string {
  return count.toLocaleString("en-US");
}

export function showBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** Three significant digits: 1.82 s, 643 ms, 17.4 ms. */
export function showTime(ms: number): string {
  if (ms >= 999.5) return `${digits(ms / 1000)} s`;
  return `${digits(ms)} ms`;
}

/** Of a duration in milliseconds that is spread over many things: 9.42 µs. */
export function showMicros(ms: number): string {
  return `${digits(ms * 1000)} µs`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  return size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

export function showRatio(ratio: number): string {
  return digits(ratio);
}

export function showInterval(ratio: { readonly value: number; readonly low: number; readonly high: number }): string {
  return `${digits(ratio.value)} [${digits(ratio.low)}, ${digits(ratio.high)}]`;
}
