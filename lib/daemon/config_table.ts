/** One table of the configuration file: typed values by key, and complaints that name file and key. */

import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { parseSize } from "../base/units.ts";

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Each reader gives undefined for a key that is not there, and raises a usage error for a value of another type or out of bounds. */
export class ConfigTable {
  readonly #known = new Set<string>();

  /** @param prefix Of every key in messages: "" or "limits.". */
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly file: string,
    private readonly prefix = "",
  ) {}

  text(key: string): string | undefined {
    const value = this.#read(key);
    if (value === undefined || typeof value === "string") return value;
    return this.#mustBe(key, "a text", value);
  }

  texts(key: string): string[] | undefined {
    const value = this.#read(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#mustBe(key, "a list of texts", value);
  }

  flag(key: string): boolean | undefined {
    const value = this.#read(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.#mustBe(key, "true or false", value);
  }

  integer(key: string, { min, max }: Bounds): number | undefined {
    const value = this.#read(key);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    return this.#mustBe(key, `a whole number from ${min} to ${max}`, value);
  }

  /** Bytes, as a number or as a text such as "4MiB". */
  size(key: string, { min, max }: Bounds): number | undefined {
    const value = this.#read(key);
    if (value === undefined) return undefined;
    const bytes = typeof value === "string" ? parseSize(value) : value;
    if (Number.isInteger(bytes) && (bytes as number) >= min && (bytes as number) <= max) return bytes as number;
    return this.#mustBe(key, `a size from ${min} to ${max} bytes such as "4MiB"`, value);
  }

  /** The table of that key; an empty one where it is not there. */
  table(key: string): ConfigTable {
    const value = this.#read(key) ?? {};
    if (!isTable(value)) return this.#mustBe(key, `a table ([${this.prefix}${key}])`, value);
    return new ConfigTable(value, this.file, `${this.prefix}${key}.`);
  }

  /** The tables of [[key]]. */
  tables(key: string): ConfigTable[] {
    const value = this.#read(key) ?? [];
    if (!Array.isArray(value) || !value.every(isTable)) {
      return this.#mustBe(key, `a list of tables ([[${this.prefix}${key}]])`, value);
    }
    return value.map((item, index) => new ConfigTable(item, this.file, `${this.prefix}${key}[${index}].`));
  }

  /** After the last reader: a key that none of them asked for is an error. */
  end(): void {
    const unknown = Object.keys(this.values).find((key) => !this.#known.has(key));
    if (unknown === undefined) return;
    this.fail(printablePath(unknown), `is not known; there are ${[...this.#known].join(", ")}`);
  }

  /** `what` follows the key: "is missing". */
  fail(key: string, what: string): never {
    throw usageError(`Cannot use the configuration "${printablePath(this.file)}": ${this.prefix}${key} ${what}`);
  }

  #read(key: string): unknown {
    this.#known.add(key);
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  #mustBe(key: string, what: string, value: unknown): never {
    const shown = JSON.stringify(value, (_, item) => typeof item === "bigint" ? Number(item) : item) ?? String(value);
    return this.fail(key, `must be ${what}, not ${shown.slice(0, 100)}`);
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
