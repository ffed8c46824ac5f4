/** `blit move` */

import type { Command } from "./command.ts";
import { transfer } from "./transfer.ts";

export const run: Command = (context, typed) => transfer("move", context, typed);
