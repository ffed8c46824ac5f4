/** Names in the backup tree, where nothing is overwritten: NAME, then NAME.~1~, NAME.~2~ and so on. */

import { codeOf } from "./portable_error.ts";

const NAME_BYTES_MAX = 255;
const encoder = new TextEncoder();

/** The name with a number, cut where it would be too long; 0: the name itself. */
export function backupName(name: string, number: number): string {
  if (number === 0) return name;
  const suffix = `.~${number}~`;
  let kept = name;
  while (encoder.encode(kept).length + suffix.length > NAME_BYTES_MAX) kept = [...kept].slice(0, -1).join("");
  return kept + suffix;
}

/** Calls `keep` with one name after the other until one is free, which it says by not raising EEXIST. Answers with that name. */
export async function keepAs(name: string, keep: (as: string) => Promise<void>): Promise<string> {
  for (let number = 0;; number++) {
    const as = backupName(name, number);
    try {
      await keep(as);
      return as;
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
    }
  }
}
