import { expect, test } from "vitest";
import { columnsOf } from "./columns-of.ts";
import { configurationOf, digestOf } from "./digest.ts";
import { PROJECT_EXAMPLE } from "./example.ts";
import { readProject } from "./load-project.ts";
import type { Project } from "./project.ts";

function projectOf(text: string): Project {
  const loaded = readProject("accord.yaml", text, { CRM_FILE: "crm.db", ERP_URL: "postgres://erp" });
  if (loaded.kind === "problems") throw new Error(JSON.stringify(loaded.problems));
  return loaded.project;
}

const digest = (text: string): string => digestOf(projectOf(text), "customers").digest;

test("[S51] the digest changes with mapping, filter and policy, and not with layout, pace or guards", () => {
  const before = digest(PROJECT_EXAMPLE);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  for (const same of [
    PROJECT_EXAMPLE.replace("quiet: 2s", "quiet: 5s"),
    PROJECT_EXAMPLE.replace("deletes: 1%", "deletes: 2%"),
    PROJECT_EXAMPLE.replace("email: 5%", "email: 7%"),
    PROJECT_EXAMPLE.replace("{ do: archive, conflict: update-wins }", "{ conflict: update-wins, do: archive }"),
    PROJECT_EXAMPLE.replaceAll(/ +#.*$/gm, ""),
    PROJECT_EXAMPLE.replace("erp: { field: status, ", "erp: { field: status,"),
  ]) {
    expect(digest(same)).toBe(before);
  }
  for (const [from, to] of [
    ["lifecyclestage == 'customer'", "lifecyclestage == 'lead'"],
    ["full_name", "fullname"],
    ["revert: true", "revert: false"],
    ["lapsed: Z", "lapsed: Y"],
    ["lead: lead, customer: customer", "customer: customer, lead: lead"],
    ["policy: newest\\n", "policy: review\\n"],
    ["version: 1\\n", "version: 1\\nregion: DE\\n"],
  ] as const) {
    const changed = PROJECT_EXAMPLE.replace(from.replace("\\n", "\n"), to.replaceAll("\\n", "\n"));
    expect(changed).not.toBe(PROJECT_EXAMPLE);
    expect(digest(changed)).not.toBe(before);
  }
});

test("the store is told sides, fields and how many match rules there are", () => {
  const configuration = configurationOf(projectOf(PROJECT_EXAMPLE), "companies", () => undefined);
  const mappings = { name: expect.stringMatching(/^[0-9a-f]{16}$/), city: expect.stringMatching(/^[0-9a-f]{16}$/) };
  expect(configuration.sides).toEqual([
    { connection: "crm", object: "companies", keyOrder: "bytes", columns: ["name", "city"], types: {}, mappings },
    { connection: "erp", object: "public.company", keyOrder: "bytes", columns: ["name", "city"], types: {}, mappings },
  ]);
  expect([configuration.fields, configuration.matchRules]).toEqual([["name", "city"], 1]);
  expect(configuration.body).not.toContain("crm.db");
  expect(configuration.source).toContain("sides: { crm: { object: companies }");
});

const columns = (side: string): unknown => columnsOf(projectOf(PROJECT_EXAMPLE), "customers", side);

test("the columns of a side are those of fields, expressions, filter and archive mark, each once and in order", () => {
  expect(columns("crm")).toEqual({
    kind: "columns",
    columns: [
      "email",
      "firstname",
      "lastname",
      "phone",
      "lifecyclestage",
      "street",
      "city",
      "zip",
      "credit__c",
      "points",
      "tags",
      "associatedcompanyid",
    ],
  });
  expect(columns("erp")).toEqual({
    kind: "columns",
    columns: [
      "email_address",
      "full_name",
      "phone",
      "status",
      "street",
      "town",
      "postcode",
      "credit_limit",
      "loyalty_points",
      "labels",
      "company_id",
    ],
  });
});
