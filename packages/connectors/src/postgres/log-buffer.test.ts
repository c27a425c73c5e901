import type { Change } from "@accord/engine/connector";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LogBuffer, parseLogCursor } from "./log-buffer.ts";

/** A transaction as its rows: how many changes each brings. */
interface Streamed {
  readonly xid: number;
  readonly rows: readonly number[];
}

const history = fc
  .array(fc.array(fc.constantFrom(0, 1, 1, 1, 2), { maxLength: 12 }), { maxLength: 8 })
  .map((all) => all.map((rows, index): Streamed => ({ xid: 700 + index, rows })));

function endOf(index: number): string {
  return (16 * (index + 1)).toString(16).padStart(16, "0");
}

function changesOf({ xid, rows }: Streamed): readonly (readonly Change[])[] {
  return rows.map((count, row) =>
    Array.from({ length: count }, (_, part): Change => ({
      object: 0,
      record: `${xid}.${row}.${part}`,
      change: { kind: "touched" },
      committedAtMs: null,
    })),
  );
}

/** Streams from a cursor on as the server does: whole transactions that end above it. Takes batches on the way; stops after `batchesMax`. */
function drain(
  transactions: readonly Streamed[],
  from: string,
  changesMax: number,
  batchesMax: number,
): { readonly batches: Change[][]; readonly cursor: string } {
  const start = parseLogCursor(from);
  if (start === null) throw new Error(`no cursor: ${from}`);
  const buffer = new LogBuffer(start);
  const batches: Change[][] = [];
  let cursor = from;
  const take = (): void => {
    while (batches.length < batchesMax) {
      const batch = buffer.take(changesMax);
      if (batch === null) return;
      batches.push([...batch.changes]);
      ({ cursor } = batch);
    }
  };
  transactions.forEach((transaction, index) => {
    if (endOf(index) <= start.endHex) return;
    buffer.begin(transaction.xid);
    for (const changes of changesOf(transaction)) {
      buffer.row(changes);
      take();
    }
    buffer.commit(endOf(index));
    take();
  });
  return { batches, cursor };
}

const ZERO = "0".repeat(16);

test("[S9] resuming from the cursor of any batch repeats nothing and misses nothing, in the middle of a transaction too", () => {
  fc.assert(
    fc.property(
      history,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 1, max: 6 }),
      (transactions, firstMax, batchesMax, secondMax) => {
        const expected = transactions.flatMap((transaction) => changesOf(transaction).flat()).map(({ record }) => record);
        const first = drain(transactions, ZERO, firstMax, batchesMax);
        const second = drain(transactions, first.cursor, secondMax, Number.POSITIVE_INFINITY);
        expect([...first.batches, ...second.batches].flat().map(({ record }) => record)).toEqual(expected);
      },
    ),
    { numRuns: 1000 },
  );
});

test("the changes of one row stay together, and a transaction that fits is never split", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 6 }), (transactions, changesMax) => {
      const { batches } = drain(transactions, ZERO, changesMax, Number.POSITIVE_INFINITY);
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(changesMax + 1);
        const rows = new Set(batch.map(({ record }) => record.slice(0, record.lastIndexOf("."))));
        for (const row of rows) {
          const parts = transactions
            .flatMap((transaction) => changesOf(transaction).flat())
            .filter(({ record }) => record.startsWith(`${row}.`));
          expect(parts.every((part) => batch.some(({ record }) => record === part.record))).toBe(true);
        }
      }
    }),
  );
});

test("an idle buffer moves its cursor on, one with changes does not", () => {
  const buffer = new LogBuffer({ endHex: ZERO, partial: null });
  buffer.advance(endOf(3));
  expect(buffer.cursor).toBe(endOf(3));
  buffer.begin(9);
  buffer.advance(endOf(5));
  expect(buffer.cursor).toBe(endOf(3));
  buffer.commit(endOf(6));
  expect(buffer.cursor).toBe(endOf(6));
});

test("texts that are no cursor of the log are told apart", () => {
  expect(parseLogCursor("T10:20:")).toBeNull();
  expect(parseLogCursor("")).toBeNull();
  expect(parseLogCursor(`${ZERO}/7/2`)).toEqual({ endHex: ZERO, partial: { xid: 7, rows: 2 } });
});
