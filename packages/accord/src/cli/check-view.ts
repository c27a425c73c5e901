import type { ReportLine } from "@accord/engine/connector";
import type { CheckJson } from "./check-json.ts";
import { formatProblem } from "../config/problem.ts";
import type { Output } from "./output.ts";
import { CAPTURES, GUARANTEES } from "./readiness.ts";

/** Says in plain words what was found. */
export function printCheck(output: Output, { file, connections, problems, notes }: CheckJson): void {
  for (const { connection, system, failure, objects, problems: found } of connections) {
    output.line();
    if (failure !== null) output.failure(failure.code, failure.message);
    else output.line(`${output.paint.bold(connection)}: ${system ?? ""}`);
    for (const line of found) printLine(output, line);
    for (const { object, guarantee, capture, notes: remarks } of objects) {
      output.line(`  ${object}: ${output.paint.bold(guarantee)}, ${GUARANTEES[guarantee]}; ${CAPTURES[capture]}`);
      for (const line of remarks) printLine(output, line);
    }
  }
  if (notes.length > 0) output.line();
  for (const note of notes) output.line(note);
  for (const problem of problems) output.remark(formatProblem({ file, ...problem }));
}

function printLine(output: Output, { severity, text, remedy }: ReportLine): void {
  const paint = severity === "error" ? output.paint.bad : severity === "warning" ? output.paint.warn : output.paint.dim;
  output.line(`    ${paint(severity)}: ${text}${remedy === null ? "" : `; ${remedy}`}`);
}
