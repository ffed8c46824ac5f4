/** The ways in which the bench itself ends other than well; everything else is a defect of the bench. */

/** Something the user can mend: a wrong argument, a missing compiler, a place that cannot be made. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}

/** Ctrl-C or SIGTERM: clean up and leave. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** A row got slower than it was; said already. */
export class Regression extends Error {}
