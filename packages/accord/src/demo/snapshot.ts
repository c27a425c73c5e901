import type { SystemClient } from "./clients.ts";

/** All rows of a system's own tables, by table and key, each cell by column: read by that system's own queries. */
export type Snapshot = ReadonlyMap<string, ReadonlyMap<string, string | null>>;

const QUERIES = {
  crm: {
    companies: "SELECT id, name, domain, city FROM companies",
    contacts: "SELECT id, first_name, last_name, email, phone, stage, company_id, credit_limit, archived, lead_score FROM contacts",
    products: "SELECT sku, name, stock FROM products",
  },
  erp: {
    company: "SELECT company_no, name, web_domain, town FROM company",
    customer: "SELECT customer_no, full_name, email_address, phone, status, company_no, credit_limit, archived, vat_id FROM customer",
    product: "SELECT sku, name, stock FROM product",
  },
} as const;

export async function takeSnapshot(client: SystemClient): Promise<Snapshot> {
  const snapshot = new Map<string, ReadonlyMap<string, string | null>>();
  for (const [table, query] of Object.entries(QUERIES[client.name])) {
    for (const { columns, rows } of await client.run(query)) {
      for (const row of rows)
        snapshot.set(`${table} ${row[0] ?? ""}`, new Map(columns.map((column, place) => [column, row[place] ?? null])));
    }
  }
  return snapshot;
}

/** One cell, or a whole row (column `—`), that differs between two snapshots. */
export interface SnapshotDifference {
  readonly row: string;
  readonly column: string;
  readonly before: string | null;
  readonly after: string | null;
}

export function differences(before: Snapshot, after: Snapshot): readonly SnapshotDifference[] {
  const rows = [...new Set([...before.keys(), ...after.keys()])];
  return rows.flatMap((row): SnapshotDifference[] => {
    const [old, now] = [before.get(row), after.get(row)];
    if (old === undefined || now === undefined) return [{ row, column: "—", before: summary(old), after: summary(now) }];
    return [...now].flatMap(([column, cell]) =>
      old.get(column) === cell ? [] : [{ row, column, before: old.get(column) ?? null, after: cell }],
    );
  });
}

/** A row in a word: the first text of it that people know it by. */
function summary(row: ReadonlyMap<string, string | null> | undefined): string {
  if (row === undefined) return "(not there)";
  return row.get("full_name") ?? row.get("name") ?? row.get("last_name") ?? "(there)";
}
