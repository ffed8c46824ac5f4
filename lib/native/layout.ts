/** The shim's structures, field by field as in native/blit.h. Little-endian on every platform that blit supports. */

export const ABI = 23;

export const Op = {
  List: 1,
  Apply: 2,
  Open: 3,
  Range: 4,
  Finish: 5,
  Link: 6,
  Remove: 7,
  Settle: 8,
  Pack: 9,
  Send: 10,
  Store: 11,
  Receive: 12,
  Hash: 13,
  Lane: 14,
  Stands: 15,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** Calls that are made on a thread of their own. */
export const Aside = {
  Facts: 1,
  Space: 2,
  Remove: 3,
  Open: 4,
  Make: 5,
  WalkList: 6,
  WalkRemove: 7,
  EngineOpen: 8,
  PathFacts: 9,
  PathReal: 10,
  PathSpace: 11,
  PathUpwards: 12,
  PathAsk: 13,
} as const;
export type Aside = (typeof Aside)[keyof typeof Aside];
/** Words that a call is given. */
export const ASIDE_ARGS = 9;

export const ConfigFlag = {
  Verify: 1,
  Fsync: 2,
  Discard: 4,
  Move: 8,
  ReadOnly: 16,
  Backup: 32,
  Resume: 64,
  OneFileSystem: 128,
  Withhold: 256,
  KeepMounts: 512,
} as const;

export const TaskFlag = {
  Source: 1 << 0,
  Destination: 1 << 1,
  MakeDirectory: 1 << 2,
  Stat: 1 << 3,
  All: 1 << 4,
  Named: 1 << 5,
  More: 1 << 6,
  Force: 1 << 7,
  Commit: 1 << 8,
  RemoveDirectory: 1 << 9,
  RemoveSource: 1 << 10,
  Drop: 1 << 11,
  Skip: 1 << 12,
  Take: 1 << 14,
  Close: 1 << 15,
  Remote: 1 << 16,
  Digest: 1 << 17,
  Last: 1 << 18,
  Held: 1 << 19,
  LeftOut: 1 << 20,
  Kernel: 1 << 21,
  Plain: 1 << 22,
} as const;

export const ACTION_SHIFT = 28;

export const DetailCode = { Failed: 1, Large: 2, Linked: 3, Same: 4, Different: 5 } as const;

/** Parts of a step. */
export const STEP_MASK = 0xff;
export const STEP_ATTRIBUTE_SHIFT = 8;
export const STEP_ATTRIBUTE_MASK = 0xff00;
/** Which root could not be opened, above the error's number. */
export const ROOT_SHIFT = 16;
/** BLIT_STEP_PLACED */
export const STEP_PLACED = 1 << 16;

export const TASK_BYTES = 64;
export const RESULT_BYTES = 80;
export const DETAIL_BYTES = 24;
export const BATCH_HEADER_BYTES = 64;
export const CONFIG_BYTES = 32;
export const COUNTERS_BYTES = 192;

export interface RawTask {
  readonly op: Op;
  readonly id: number;
  readonly dir: number;
  readonly flags: number;
  readonly batch?: bigint;
  readonly first?: number;
  readonly count?: number;
  readonly handle?: bigint;
  readonly offset?: number;
  readonly length?: number;
  readonly parent?: number;
}

/** Writes struct blit_task; the payload, if any, goes behind it. */
export function writeTask(view: DataView, at: number, task: RawTask, payloadBytes: number): void {
  view.setUint32(at, task.op, true);
  view.setUint32(at + 4, task.id, true);
  view.setUint32(at + 8, task.dir, true);
  view.setUint32(at + 12, task.flags, true);
  view.setBigUint64(at + 16, task.batch ?? 0n, true);
  view.setUint32(at + 24, task.first ?? 0, true);
  view.setUint32(at + 28, task.count ?? 0, true);
  view.setBigUint64(at + 32, task.handle ?? 0n, true);
  setU64(view, at + 40, task.offset ?? 0);
  setU64(view, at + 48, task.length ?? 0);
  view.setUint32(at + 56, task.parent ?? 0, true);
  view.setUint32(at + 60, payloadBytes, true);
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, value / 0x1_0000_0000, true);
}

/** A result where it stands in the collected bytes; read at once, the buffer is reused. */
export class RawResult {
  constructor(
    private readonly view: DataView,
    private readonly at: number,
    /** Name of an attribute that a step tells the number of. */
    readonly attributeName: (number: number) => string | undefined = () => undefined,
  ) {}

  get id(): number {
    return this.view.getUint32(this.at + 4, true);
  }
  /** 0 or an errno. */
  get errno(): number {
    return -this.view.getInt32(this.at + 8, true);
  }
  get details(): number {
    return this.view.getUint32(this.at + 12, true);
  }
  get batch(): bigint {
    return this.view.getBigUint64(this.at + 16, true);
  }
  get batchBytes(): number {
    return this.u64(24);
  }
  get handle(): bigint {
    return this.view.getBigUint64(this.at + 32, true);
  }
  get bytes(): number {
    return this.u64(40);
  }
  get done(): number {
    return this.view.getUint32(this.at + 48, true);
  }
  get step(): number {
    return this.view.getUint32(this.at + 52, true);
  }
  get flags(): number {
    return this.view.getUint32(this.at + 56, true);
  }
  get lost(): number {
    return this.view.getUint32(this.at + 60, true);
  }
  get taken(): number {
    return this.view.getUint32(this.at + 64, true);
  }
  get unchanged(): number {
    return this.view.getUint32(this.at + 68, true);
  }
  get unchangedBytes(): number {
    return this.u64(72);
  }
  get totalBytes(): number {
    return RESULT_BYTES + this.details * DETAIL_BYTES;
  }

  detail(i: number): { index: number; code: number; value: bigint; extra: bigint } {
    const at = this.at + RESULT_BYTES + i * DETAIL_BYTES;
    return {
      index: this.view.getUint32(at, true),
      code: this.view.getUint32(at + 4, true),
      value: this.view.getBigUint64(at + 8, true),
      extra: this.view.getBigUint64(at + 16, true),
    };
  }

  private u64(offset: number): number {
    return this.view.getUint32(this.at + offset, true) +
      this.view.getUint32(this.at + offset + 4, true) * 0x1_0000_0000;
  }
}
