import type { ParseResult, ValueType } from "@accord/core";

/**
 * An e-mail address: trimmed, the domain in lower case, the local part as written.
 *
 * Anything with exactly one `@`, something on both sides of it and no white space is an address. That is lenient on purpose: users own odd addresses
 * (new top-level domains, `root@localhost`, umlauts), and refusing one parks a value that its system holds to be good, while keeping a bad one costs nothing
 * that was not already lost. What is no address at all (`n/a`, two addresses in one field) is refused, so that it is shown to a person rather than spread as one.
 *
 * Equality ignores case in the local part too: RFC 5321 section 2.4 would let a host tell `Ann` from `ann`, but none that matters does, while systems change
 * the case at will (HubSpot stores lower case), which must not look like an edit. [S14, S15]
 */
export const emailType: ValueType = {
  name: "email",
  version: 1,
  parse: parseEmail,
  equal: (a, b) => a === b || fold(a) === fold(b),
  order: (a, b) => compare(fold(a), fold(b)),
  hash: fold,
  key: fold,
};

const ADDRESS = /^[^\s@]+@[^\s@]+$/;

function parseEmail(text: string): ParseResult {
  const trimmed = text.trim();
  if (!ADDRESS.test(trimmed)) return { kind: "invalid", problem: "not an e-mail address" };
  const at = trimmed.indexOf("@");
  const domain = trimmed.slice(at);
  const lower = domain.toLowerCase();
  // Nearly all are written so: nothing is put together anew.
  return { kind: "value", text: lower === domain ? trimmed : trimmed.slice(0, at) + lower };
}

function fold(text: string): string {
  return text.toLowerCase();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
