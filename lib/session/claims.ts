/**
 * Which source of a job an entry of the destination belongs to, where several are merged into one tree: the first that has the name, for as
 * long as the job runs. Two directories of one name are one. Of each name some tens of bytes are kept; jobs that merge nothing have none
 * of it.
 */

/** Of one source. */
export interface Claims {
  /**
   * Whether the path (relative to the source's own place) is this source's. `taken`: something stands there already; a file system that
   * takes names for one may then mean an entry of other letters.
   */
  claim(path: string, directory: boolean, taken: boolean): boolean;
}

export class ClaimTable {
  /** Twice the number of the source, and 1 more for a directory; by a hash of the path. */
  readonly #exact = new Map<number, number>();
  readonly #folded = new Map<number, number>();

  /** Paths of that source are relative to `root`, a path of the destination. */
  of(source: number, root: string): Claims {
    const prefix = `${root.replace(/\/+$/, "")}/`;
    return {
      claim: (path, directory, taken) => {
        const owner = source * 2 + (directory ? 1 : 0);
        const full = prefix + path;
        const free = claimIn(this.#exact, full, owner);
        const alone = claimIn(this.#folded, full.normalize("NFC").toLowerCase(), owner);
        return free && (alone || !taken);
      },
    };
  }
}

function claimIn(table: Map<number, number>, path: string, owner: number): boolean {
  const key = hash53(path);
  const before = table.get(key);
  if (before === undefined) table.set(key, owner);
  return before === undefined || before >> 1 === owner >> 1 || (before % 2 === 1 && owner % 2 === 1);
}

/** cyrb53: of a million paths two have one hash in one of ten thousand jobs, and the second is then refused for nothing. */
function hash53(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}
