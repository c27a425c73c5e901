/** Characters of one expression's source: a page of text; longer ones belong in a connector. */
export const sourceCharactersMax = 10_000;
/** Nodes of one expression's syntax tree; bounds recursion when checking and evaluating. */
export const syntaxNodesMax = 1_000;
/** Nesting of brackets and calls in one expression. */
export const syntaxDepthMax = 60;
/** Elements of one list or map literal: value lists of hundreds occur in filters. */
export const literalElementsMax = 1_000;
/** Steps one evaluation may take: a node visited in a loop, 64 characters handled, one element handled. Some 10 ms. */
export const costMax = 100_000;
/** Characters that one step of cost pays for. */
export const charactersPerStep = 64;
/** Characters of one text made by an expression; larger than any field the systems here accept. */
export const textCharactersMax = 1_000_000;
/** Digits of a decimal, before and after the point together; PostgreSQL's numeric is mostly used below 100. */
export const decimalDigitsMax = 1_000;
/** Digits after the point that `round` and `div` may ask for. */
export const scaleMax = 100;
/** Characters of a pattern given to `matches`. */
export const patternCharactersMax = 500;
