/** Waiting for what may never end. */

import { pause } from "../base/timers.ts";

/** Whether the promise settles in that time; it goes on by itself if not. Rejects if the promise does. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return await Promise.race([promise.then(() => true), pause(ms).then(() => false)]);
}
