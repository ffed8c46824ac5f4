/**
 * The daemon's log: one line for each event, as key=value pairs (logfmt). A value with a space, a quote, an equals sign or anything that is
 * not printable is written as a JSON string, so that no client can forge a line.
 */

export type Level = "info" | "warning" | "error";
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  /** Fields that are undefined are left out. */
  write(level: Level, event: string, fields?: Fields): void;
}

export function lineLog(writeLine: (line: string) => void, now: () => Date = () => new Date()): Log {
  return {
    write(level, event, fields = {}) {
      const pairs = Object.entries({ time: now().toISOString(), level, event, ...fields })
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key}=${formatValue(String(value))}`);
      writeLine(pairs.join(" "));
    },
  };
}

function formatValue(value: string): string {
  if (/^[!#-<>-\[\]-~]+$/.test(value)) return value;
  // JSON leaves DEL, the C1 controls and the line separators as they are.
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
