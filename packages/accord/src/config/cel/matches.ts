import { RE2JS } from "re2js";
import { asText, type FunctionShape } from "./function-shape.ts";
import { patternCharactersMax } from "./limits.ts";
import { scalar } from "./static-type.ts";
import { Failure, type Outcome } from "./value.ts";

/**
 * `matches(text, pattern)` on RE2: time is linear in the text whatever the pattern, where the engine of JavaScript takes
 * exponential time on `(a+)+$`. As in CEL the pattern is sought anywhere in the text unless it is anchored.
 */
export const matchesFunction: FunctionShape = {
  usage: "matches(text, pattern): bool; the pattern is RE2 and sought anywhere unless anchored with ^ and $",
  operands: [["text"], ["text"]],
  onNull: false,
  result: scalar("bool"),
  run: ([text, pattern], meter) => {
    const [given, source] = [asText(text), asText(pattern)];
    const compiled = compilePattern(source);
    if (compiled instanceof Failure) return compiled;
    // RE2 visits each character once per state of its program at worst.
    meter.spend(1 + Math.ceil((given.length * compiled.programSize()) / stepsPerCost));
    return compiled.test(given);
  },
};

/** Visits of one character in one state that one step of cost pays for. */
const stepsPerCost = 512;
/** Patterns kept compiled: those of a configuration are few, those made from values may be endless. */
const compiledMax = 200;
const compiledByPattern = new Map<string, RE2JS | Failure>();

/** The compiled pattern; a pattern RE2 refuses (backreferences, lookaround) gives a failure. */
function compilePattern(pattern: string): RE2JS | Failure {
  const known = compiledByPattern.get(pattern);
  if (known !== undefined) return known;
  const compiled = compileNew(pattern);
  // Forgetting all at once keeps results the same and the memory bounded.
  if (compiledByPattern.size >= compiledMax) compiledByPattern.clear();
  compiledByPattern.set(pattern, compiled);
  return compiled;
}

function compileNew(pattern: string): RE2JS | Failure {
  if (pattern.length > patternCharactersMax) {
    return new Failure(`the pattern is longer than ${patternCharactersMax.toString()} characters`);
  }
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return new Failure(`the pattern is not RE2: ${error instanceof Error ? error.message : "it was refused"}`);
  }
}

/** The outcome of compiling a pattern that stands in the source, for the check when a file is read. */
export function checkPattern(pattern: string): Outcome {
  const compiled = compilePattern(pattern);
  return compiled instanceof Failure ? compiled : true;
}
