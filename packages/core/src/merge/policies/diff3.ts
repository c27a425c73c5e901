/** Texts of more tokens than this are left to a person: the comparison's cost grows with the number of differences times the length. */
const TOKENS_MAX = 20_000;
/** Edits of one side beyond this many tokens count as a rewrite, which no word-wise merge does justice. */
const DIFFERENCES_MAX = 2_000;

/** A stretch of the base, [start, end), that one side replaced by `tokens`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly tokens: readonly string[];
}

/**
 * Three-way merge of texts by words and white space. Returns null where edits overlap or touch, or the texts are too large:
 * edits that merely touch are left to a person too, since two insertions at one place have no order.
 */
export function mergeTexts(base: string, left: string, right: string): string | null {
  const tokens = tokenize(base);
  const leftTokens = tokenize(left);
  const rightTokens = tokenize(right);
  if (Math.max(tokens.length, leftTokens.length, rightTokens.length) > TOKENS_MAX) return null;
  const leftEdits = diff(tokens, leftTokens);
  const rightEdits = diff(tokens, rightTokens);
  if (leftEdits === null || rightEdits === null) return null;
  const edits = combine(leftEdits, rightEdits);
  return edits === null ? null : apply(tokens, edits);
}

function tokenize(text: string): string[] {
  return text.match(/\s+|[^\s]+/gu) ?? [];
}

function combine(left: readonly Edit[], right: readonly Edit[]): Edit[] | null {
  const all = [...left, ...right].toSorted((a, b) => a.start - b.start || a.end - b.end);
  const result: Edit[] = [];
  for (const edit of all) {
    const previous = result.at(-1);
    if (previous !== undefined && edit.start <= previous.end) {
      if (sameEdit(previous, edit)) continue;
      return null;
    }
    result.push(edit);
  }
  return result;
}

function sameEdit(a: Edit, b: Edit): boolean {
  return (
    a.start === b.start &&
    a.end === b.end &&
    a.tokens.length === b.tokens.length &&
    a.tokens.every((token, index) => token === b.tokens[index])
  );
}

function apply(tokens: readonly string[], edits: readonly Edit[]): string {
  let result = "";
  let position = 0;
  for (const edit of edits) {
    result += tokens.slice(position, edit.start).join("") + edit.tokens.join("");
    position = edit.end;
  }
  return result + tokens.slice(position).join("");
}

/** Myers' greedy comparison (1986), kept to a bound of differences. */
function diff(from: readonly string[], to: readonly string[]): Edit[] | null {
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head += 1;
  let tail = 0;
  while (tail < from.length - head && tail < to.length - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail += 1;
  const a = from.slice(head, from.length - tail);
  const b = to.slice(head, to.length - tail);
  const trace = search(a, b);
  return trace === null ? null : editsOf(trace, a, b, head);
}

function search(a: readonly string[], b: readonly string[]): Int32Array[] | null {
  const bound = Math.min(a.length + b.length, DIFFERENCES_MAX);
  const furthest = new Int32Array(2 * bound + 3);
  const origin = bound + 1;
  const trace: Int32Array[] = [];
  for (let d = 0; d <= bound; d += 1) {
    trace.push(furthest.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = startOf(furthest, origin, k, d);
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1;
        y += 1;
      }
      furthest[origin + k] = x;
      if (x >= a.length && y >= b.length) return trace;
    }
  }
  return null;
}

function startOf(furthest: Int32Array, origin: number, k: number, d: number): number {
  const below = furthest[origin + k - 1] ?? 0;
  const above = furthest[origin + k + 1] ?? 0;
  if (d === 0) return 0;
  return k === -d || (k !== d && below < above) ? above : below + 1;
}

/** Walks the trace back and joins single steps into edits. */
function editsOf(trace: readonly Int32Array[], a: readonly string[], b: readonly string[], offset: number): Edit[] {
  const result: Edit[] = [];
  const origin = ((trace[0]?.length ?? 3) - 1) / 2;
  let x = a.length;
  let y = b.length;
  for (let d = trace.length - 1; d > 0; d -= 1) {
    const furthest = trace[d] ?? new Int32Array(0);
    const k = x - y;
    const below = furthest[origin + k - 1] ?? 0;
    const above = furthest[origin + k + 1] ?? 0;
    const inserted = k === -d || (k !== d && below < above);
    const previousX = inserted ? above : below;
    const previousY = previousX - (inserted ? k + 1 : k - 1);
    prepend(
      result,
      inserted ? { start: previousX, end: previousX, tokens: [b[previousY] ?? ""] } : { start: previousX, end: previousX + 1, tokens: [] },
    );
    x = previousX;
    y = previousY;
  }
  return result.map((edit) => ({ start: edit.start + offset, end: edit.end + offset, tokens: edit.tokens }));
}

function prepend(result: Edit[], edit: Edit): void {
  const next = result[0];
  if (next !== undefined && next.start === edit.end) {
    result[0] = { start: edit.start, end: next.end, tokens: [...edit.tokens, ...next.tokens] };
  } else {
    result.unshift(edit);
  }
}
