/** "Did you mean ...?": the candidate nearest to what was typed, and what other programs' options are called here. */

/** The best candidate, or undefined when none is near enough to be meant. A unique beginning counts as near. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => typed.length >= 2 && candidate.startsWith(typed));
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(typed.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      current[column] = Math.min(
        previous[column] + 1,
        current[column - 1] + 1,
        previous[column - 1] + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        current[column] = Math.min(current[column], beforePrevious[column - 2] + 1);
      }
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length];
}

const kept = "leave it out: whole trees are copied, and everything is kept";

/** Options that users of rsync, cp and rclone type by habit, with what to do instead. */
const habits: Readonly<Record<string, string>> = {
  "-a": kept,
  "--archive": kept,
  "-r": kept,
  "-R": kept,
  "--recursive": kept,
  "-p": kept,
  "-H": kept,
  "-A": kept,
  "-X": kept,
  "-S": kept,
  "-l": kept,
  "-t": kept,
  "-P": "use --progress; unfinished copies are healed by a rerun",
  "--delete": "use `blit mirror`",
  "--delete-before": "use `blit mirror`",
  "--delete-during": "use `blit mirror`",
  "--delete-after": "use `blit mirror`",
  "--delete-excluded": "use `blit mirror --delete-scope all`",
  "--remove-source-files": "use `blit move`",
};

/** Advice for an option of another program, spelt as typed. */
export function adviceForHabit(option: string): string | undefined {
  return Object.hasOwn(habits, option) ? habits[option] : undefined;
}
