import type { Value } from "@accord/core";

/** Texts that break careless escaping, quoting and comparing. Nothing here is null, and no two are equal. */
export const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "  leading and trailing  ",
  "tab\there",
  "line\nbreak",
  "carriage\rreturn",
  "crlf\r\n",
  "back\\slash",
  "\\",
  "\\N",
  "\\U",
  "\\.",
  "\\t",
  "NULL",
  "null",
  "'quoted'",
  '"quoted"',
  "{a,b}",
  "$1",
  "; drop table customers; --",
  "%s %d",
  "\u0001\b\f\v",
  "ä ö ü ß",
  "a\u0308",
  "中文",
  "😀",
  "\u{10FFFF}",
  "\uFFFD",
  "\u00a0",
  "a".repeat(9000),
  "é\n\\N\t".repeat(700),
];

/** Customers with every kind of cell that the columns can hold. */
export const ODD_CUSTOMERS: readonly Readonly<Record<string, Value>>[] = [
  { name: "", email: null, amount: null, active: null, note: null, updated: null },
  { name: "all", email: "all@example.com", amount: "1234567.89", active: "true", note: "x", updated: "2026-02-28T23:59:59.123456Z" },
  { name: "negative", amount: "-0.01", active: "false", updated: "1969-12-31T23:59:59Z" },
  { name: "zero", amount: "0", updated: "1900-01-01T00:00:00Z" },
  { name: "whole", amount: "1000", updated: "2026-01-01T00:00:00.5Z" },
  ...ODD_TEXTS.map((note, index) => ({ name: `odd ${index}`, note })),
];

/** Key texts for composite keys, whose ids are images: whatever is escaped there, and every letter that follows a backslash in escapes. */
export const ODD_KEY_PARTS: readonly string[] = [
  ...ODD_TEXTS.filter((text) => text !== "" && text.length < 100),
  "abcdefghijklmnopqrstuvwxyz",
  "v",
  "b",
  "NULL U x0b",
].filter((text, index, all) => all.indexOf(text) === index);
