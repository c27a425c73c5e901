/**
 * What is wrong with an expression, found while it is read. Thrown inside this folder only, so that the checker can leave
 * a deep tree at once; `compileExpression` turns it into a plain result.
 */
export class ExpressionProblem extends Error {
  /** Where in the source, counted from 1. */
  readonly column: number;

  constructor(problem: string, column: number) {
    super(problem);
    this.column = column;
  }
}
