import { DatabaseSync } from "node:sqlite";
import type { World } from "./people.ts";

/** The CRM's tables, as its maker might have made them. */
const SCHEMA = `
PRAGMA journal_mode = WAL;
CREATE TABLE companies (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  domain TEXT,
  city   TEXT
);
CREATE TABLE contacts (
  id           INTEGER PRIMARY KEY,
  first_name   TEXT,
  last_name    TEXT NOT NULL,
  email        TEXT,
  phone        TEXT,
  stage        TEXT NOT NULL DEFAULT 'lead' CHECK (stage IN ('lead', 'customer', 'lapsed')),
  company_id   INTEGER REFERENCES companies (id),
  credit_limit TEXT,
  archived     INTEGER NOT NULL DEFAULT 0,
  lead_score   INTEGER
);
CREATE TABLE products (
  sku   TEXT PRIMARY KEY NOT NULL,
  name  TEXT NOT NULL,
  stock INTEGER NOT NULL DEFAULT 0
);
`;

/** Makes the CRM's database file and fills it. */
export function createCrm(file: string, { crm }: World): void {
  const database = new DatabaseSync(file);
  try {
    database.exec(SCHEMA);
    database.exec("BEGIN");
    const company = database.prepare("INSERT INTO companies (id, name, domain, city) VALUES (?, ?, ?, ?)");
    for (const { id, name, domain, city } of crm.companies) company.run(id, name, domain, city);
    const contact = database.prepare(
      "INSERT INTO contacts (id, first_name, last_name, email, phone, stage, company_id, lead_score) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const row of crm.contacts)
      contact.run(row.id, row.firstName, row.lastName, row.email, row.phone, row.stage, row.company, row.leadScore);
    const product = database.prepare("INSERT INTO products (sku, name, stock) VALUES (?, ?, ?)");
    for (const { sku, name, stock } of crm.products) product.run(sku, name, stock);
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
