/** Does nothing: what a program on this runtime costs before its first line. */
export {};
