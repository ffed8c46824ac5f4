/** argv to command to exit code, and nothing else. The only place that ends the process. */

import { dispatch } from "./lib/command/dispatch.ts";
import { dieAsAsked, outputError, processContext } from "./lib/command/process.ts";
import { ExitCode } from "./lib/base/errors.ts";

const context = processContext((code) => Deno.exit(code));
let code = await dispatch(Deno.args, context);
const error = outputError();
if (error !== undefined) {
  context.stderr.write(`blit: ${error.message}\n`);
  if (code === ExitCode.Ok) code = ExitCode.Failed;
}
dieAsAsked(code);
Deno.exit(code);
