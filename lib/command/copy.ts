/** `blit copy` */

import type { Command } from "./command.ts";
import { transfer } from "./transfer.ts";

export const run: Command = (context, typed) => transfer("copy", context, typed);
