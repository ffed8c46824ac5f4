/** Events of a job, gathered so that many of them make one message. */

import type { JobEvent } from "../model/event.ts";
import { eventToWire } from "../wire/event_codec.ts";
import type { Event } from "../wire/gen/blit/v1/transfer_pb.ts";

const eventsPerMessage = 1000;
/** Of paths; a message may have megabytes, and a path may have thousands of bytes. */
const pathCharsPerMessage = 200_000;

export class EventFeed {
  #events: Event[] = [];
  #pathChars = 0;

  constructor(private readonly send: (events: Event[]) => void) {}

  add(event: JobEvent): void {
    this.#events.push(eventToWire(event));
    if (event.type === "entry" || event.type === "failure") this.#pathChars += event.path.length;
    if (this.#events.length >= eventsPerMessage || this.#pathChars >= pathCharsPerMessage) this.flush();
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#pathChars = 0;
    this.send(events);
  }
}
