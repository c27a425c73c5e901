/**
 * The first rows whose member has no open intent, in order, page after page: what is blocked is passed over. [S33] Most often nothing is, and the first page is all.
 * `page` gives the rows after one (null: from the beginning), at most `limit` of them.
 */
export function takeFreeRows<Shape>(
  limit: number,
  isFree: (row: Shape) => boolean,
  page: (after: Shape | null, limit: number) => readonly Shape[],
): readonly Shape[] {
  const free: Shape[] = [];
  for (let after: Shape | null = null; ;) {
    const rows: readonly Shape[] = page(after, limit);
    if (after === null && rows.every(isFree)) return rows;
    for (const row of rows) if (free.length < limit && isFree(row)) free.push(row);
    after = rows.at(-1) ?? null;
    if (free.length >= limit || rows.length < limit || after === null) return free;
  }
}
