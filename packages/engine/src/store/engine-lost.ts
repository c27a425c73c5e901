import { AccordError } from "../connector/errors.ts";

/** What a process hears that was held up for longer than its right to act lasted, while another acted: everything it meant to commit is refused. [S54] */
export function engineLost(): AccordError {
  return new AccordError(
    "ACCORD_TAKEN_OVER",
    "Another Accord has worked on this store while this one was held up, and nothing more was committed; run the command again.",
    { remedy: "stop" },
  );
}
