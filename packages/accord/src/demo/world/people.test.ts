import { expect, test } from "vitest";
import { createWorld } from "./people.ts";

test("a seed makes the same world each time, and another seed another", () => {
  expect(createWorld(7)).toEqual(createWorld(7));
  expect(createWorld(7)).not.toEqual(createWorld(8));
});

test("whatever the seed, the systems overlap, differ and hold twins", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const { crm, erp } = createWorld(seed);
    const [left, right] = [emails(crm.contacts), emails(erp.customers)];
    const both = [...new Set(left)].filter((email) => right.includes(email));
    expect(both.length).toBeGreaterThan(100);
    expect(new Set(left).size - both.length).toBeGreaterThan(10);
    expect(new Set(right).size - both.length).toBeGreaterThan(10);
    expect(left.length - new Set(left).size).toBe(2);
    expect(right.length - new Set(right).size).toBe(1);
    expect(new Set(crm.contacts.map(({ id }) => id)).size).toBe(crm.contacts.length);
    expect(new Set(erp.customers.map(({ number }) => number)).size).toBe(erp.customers.length);
    // The demo speaks of the first ten by their numbers.
    expect(crm.contacts.slice(0, 10).map(({ email }) => email)).toEqual(erp.customers.slice(0, 10).map(({ email }) => email.toLowerCase()));
  }
});

function emails(rows: readonly { readonly email: string }[]): string[] {
  return rows.map(({ email }) => email.toLowerCase());
}
