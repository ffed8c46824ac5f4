/** The commands that move data, and all that one within this machine needs: one script is loaded sooner than many small ones. */

export { run as check } from "./check.ts";
export { run as copy } from "./copy.ts";
export { run as mirror } from "./mirror.ts";
export { run as move } from "./move.ts";
export { startJob } from "./start_job.ts";
