/** What --stats shows below the live line: what disks and network interfaces do, and what the workers wait for. */

import { formatCount, formatCountOf, formatRate } from "../base/units.ts";
import type { NetworkFigures, Progress, Waits } from "../model/event.ts";
import { cutMiddle } from "./width.ts";

/** Bytes per second. */
export interface DiskRates {
  readonly name: string;
  readonly read: number;
  readonly written: number;
  /** Requests that it has not answered yet. */
  readonly inFlight: number;
}

/** Bytes per second. */
export interface InterfaceRates {
  readonly name: string;
  readonly received: number;
  readonly sent: number;
}

export interface IoRates {
  readonly disks: readonly DiskRates[];
  readonly interfaces: readonly InterfaceRates[];
}

/** Whoever reads the counters of the system. */
export interface IoMeter {
  /** A job begins now. */
  begin(): void;
  /** Since the call before. */
  latest(): IoRates;
  /** Since the job began. */
  average(): IoRates;
}

/** Long enough for steady figures. */
const windowMs = 1000;

export class StatsBlock {
  readonly #meter: IoMeter;
  #lines: string[] = [];
  #from: { readonly atMs: number; readonly waits: Waits } | undefined;

  constructor(meter: IoMeter) {
    this.#meter = meter;
  }

  /** Lines at most `cells` wide; none before the first second is over. */
  lines({ waits, workers, network }: Progress, nowMs: number, cells: number): string[] {
    this.#from ??= { atMs: nowMs, waits };
    const elapsedMs = nowMs - this.#from.atMs;
    if (elapsedMs >= windowMs) {
      const waiting = waitingText(difference(waits, this.#from.waits), workers * elapsedMs);
      this.#lines = [
        ...ioLines(this.#meter.latest()),
        ...(network && network.lanes > 0 ? [`  lanes    ${networkText(network)}`] : []),
        ...(waiting === undefined ? [] : [`  waiting  ${waiting}`]),
      ];
      this.#from = { atMs: nowMs, waits };
    }
    return this.#lines.map((line) => cutMiddle(line, cells));
  }
}

function ioLines({ disks, interfaces }: IoRates): string[] {
  return [
    ...(disks.length === 0 ? [] : [`  disk     ${disks.map(diskText).join("; ")}`]),
    ...(interfaces.length === 0 ? [] : [`  network  ${interfaces.map(interfaceText).join("; ")}`]),
  ];
}

function diskText(disk: DiskRates): string {
  return `${disk.name} ${diskRatesText(disk)}, ${disk.inFlight} in flight`;
}

function interfaceText(rates: InterfaceRates): string {
  return `${rates.name} ${interfaceRatesText(rates)}`;
}

export function diskRatesText({ read, written }: DiskRates): string {
  return `read ${formatRate(read)}, written ${formatRate(written)}`;
}

export function interfaceRatesText({ received, sent }: InterfaceRates): string {
  return `received ${formatRate(received)}, sent ${formatRate(sent)}`;
}

/** Of the connections that carry content. */
export function networkText({ lanes, retransmits, roundTripMs }: NetworkFigures): string {
  const roundTrip = roundTripMs > 0 ? `, round trip ${roundTripMs.toFixed(roundTripMs < 10 ? 2 : 0)} ms` : "";
  return `${formatCount(lanes)}, ${formatCountOf(retransmits, "segment")} sent again${roundTrip}`;
}

/** What of the workers' time went where; undefined where there was none. */
export function waitingText({ source, destination, planner }: Waits, workersMs: number): string | undefined {
  if (workersMs <= 0) return undefined;
  const percent = (ms: number) => `${Math.round(100 * Math.min(1, Math.max(0, ms / workersMs)))} %`;
  return `source ${percent(source)}, destination ${percent(destination)}, planner ${percent(planner)}`;
}

function difference(after: Waits, before: Waits): Waits {
  return {
    planner: after.planner - before.planner,
    source: after.source - before.source,
    destination: after.destination - before.destination,
  };
}
