/** How many operands a command takes. Too few or too many raise a usage error. */

import { usageError } from "../base/errors.ts";
import type { Typed } from "./parse.ts";

/** The only operand. `what` follows "needs". */
export function oneOperand(typed: Typed, what: string): string {
  const [operand, ...more] = typed.operands;
  const command = `\`blit ${typed.verb?.name}\``;
  if (operand === undefined || operand === "") throw usageError(`${command} needs ${what}`);
  if (more.length > 0) throw usageError(`${command} takes one operand, ${typed.operands.length} were given`);
  return operand;
}

export function noOperands(typed: Typed): void {
  if (typed.operands.length > 0) throw usageError(`\`blit ${typed.verb?.name}\` takes no operands`);
}
