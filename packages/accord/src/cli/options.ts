import { InvalidArgumentError } from "commander";

/** Parses an option that is a whole number from 1 on. */
export function positiveInteger(text: string): number {
  const figure = Number(text);
  if (!Number.isSafeInteger(figure) || figure < 1) throw new InvalidArgumentError("Give a whole number from 1 on.");
  return figure;
}
