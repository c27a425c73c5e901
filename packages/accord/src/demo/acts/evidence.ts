import type { Stage } from "../stage.ts";

/** Accord's word, and then the databases' own. */
export async function proveAgreement(stage: Stage): Promise<void> {
  await stage.chapter("Do they agree? Accord's answer, and the databases' own");
  await stage.accord(["verify"]);
  const crm = (await stage.crm.run(CRM_PEOPLE))[0]?.rows ?? [];
  const erp = (await stage.erp.run(ERP_PEOPLE))[0]?.rows ?? [];
  const byEmail = new Map(erp.map((row) => [row[0], row]));
  await stage.say("The CRM's query on the left, the ERP's on the right:");
  stage.table(
    ["e-mail", "CRM: name, phone, stage, credit", "ERP: name, phone, status, credit"],
    crm.slice(0, 6).map((row) => [row[0] ?? null, row.slice(1, 5).join(", "), (byEmail.get(row[0] ?? null) ?? []).slice(1, 5).join(", ")]),
  );
  await stage.pause(4_000);
  const different = crm.filter((row) => JSON.stringify(plain(row)) !== JSON.stringify(plain(byEmail.get(row[0] ?? null) ?? [])));
  stage.check(
    crm.length === erp.length && crm.length > 200 && different.length === 0,
    `all ${crm.length} people are the same in both, field by field, compared here from the two queries`,
  );
  const companies = [
    await stage.crm.run("SELECT name, domain, city FROM companies ORDER BY 1, 2"),
    await stage.erp.run("SELECT name, web_domain, town FROM company ORDER BY 1, 2"),
  ].map(([first]) => new Set((first?.rows ?? []).map((row) => JSON.stringify(row))));
  stage.check((companies[0]?.size ?? 0) > 50 && same(companies), `all ${companies[0]?.size ?? 0} companies too`);
  const stock = [await stage.crm.run("SELECT sku, stock FROM products"), await stage.erp.run("SELECT sku, stock FROM product")].map(
    ([first]) => new Set((first?.rows ?? []).map((row) => JSON.stringify(row))),
  );
  stage.check((stock[0]?.size ?? 0) > 10 && same(stock), `and the stock of all ${stock[0]?.size ?? 0} products`);
}

const CRM_PEOPLE = `SELECT lower(c.email) AS email, trim(coalesce(c.first_name, '') || ' ' || c.last_name) AS name, c.phone, c.stage, c.credit_limit, k.name AS company
  FROM contacts c LEFT JOIN companies k ON k.id = c.company_id WHERE c.archived = 0 ORDER BY c.id`;
const ERP_PEOPLE = `SELECT lower(c.email_address) AS email, c.full_name, c.phone, c.status, c.credit_limit, k.name AS company
  FROM customer c LEFT JOIN company k USING (company_no) WHERE NOT c.archived ORDER BY c.customer_no`;

const STATUS: Readonly<Record<string, string>> = { L: "lead", A: "customer", Z: "lapsed" };

/** One spelling of what the two systems write in two ways. */
function plain(row: readonly (string | null)[]): readonly (string | number | null)[] {
  const [email = null, name = null, phone = null, stage = null, credit = null, company = null] = row;
  const number = phone === null ? null : phone.replaceAll(/\D/g, "").replace(/^0/, "49");
  return [email, name, number, stage === null ? null : (STATUS[stage] ?? stage), credit === null ? null : Number(credit), company];
}

function same(sets: readonly ReadonlySet<string>[]): boolean {
  const [a, b] = sets;
  return a !== undefined && b !== undefined && a.size === b.size && [...a].every((item) => b.has(item));
}
