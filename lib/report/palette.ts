/** Colours of a terminal, or none. */

export type Colour = "green" | "yellow" | "cyan" | "red" | "dim";

/** Wraps text in a colour, or returns it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const codes: Readonly<Record<Colour, number>> = { green: 32, yellow: 33, cyan: 36, red: 31, dim: 2 };

export const plain: Paint = (_colour, text) => text;

export const coloured: Paint = (colour, text) => `\x1b[${codes[colour]}m${text}\x1b[0m`;
