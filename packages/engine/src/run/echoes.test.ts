import { expect, test } from "vitest";
import type { Change, OpenObject } from "../connector/connector.ts";
import { Echoes } from "./echoes.ts";

/** Positions are numbers here; nothing else of an object is asked. */
const object: Pick<OpenObject, "covers"> = { covers: (known, change) => Number(known) >= Number(change) };

const change = (kind: Change["change"]): Change => ({ object: 0, record: "7", change: kind, committedAtMs: null });
const image = (record: string, position: string): Change => ({
  object: 0,
  record,
  change: { kind: "image", image: "x", position },
  committedAtMs: null,
});

test("[S57] a change that an own write includes is old news, a later one and that of another record are not", () => {
  const echoes = new Echoes();
  echoes.note(1, 0, "7", "10");
  expect(echoes.includes(1, 0, object, image("7", "10"))).toBe(true);
  expect(echoes.includes(1, 0, object, image("7", "11"))).toBe(false);
  expect(echoes.includes(1, 0, object, image("8", "10"))).toBe(false);
  expect(echoes.includes(1, 1, object, image("7", "10"))).toBe(false);
  expect(echoes.includes(2, 0, object, image("7", "10"))).toBe(false);
});

test("[S57] changes without a position, renamed records and emptied objects are always news", () => {
  const echoes = new Echoes();
  echoes.note(1, 0, "7", "10");
  expect(echoes.includes(1, 0, object, change({ kind: "touched" }))).toBe(false);
  expect(echoes.includes(1, 0, object, change({ kind: "deleted", position: null }))).toBe(false);
  expect(echoes.includes(1, 0, object, change({ kind: "renamed", from: "6", position: "9" }))).toBe(false);
  expect(echoes.includes(1, 0, object, change({ kind: "emptied" }))).toBe(false);
  expect(echoes.includes(1, 0, object, change({ kind: "touched", position: "9" }))).toBe(true);
});

test("[S12] positions of a log that was exchanged are forgotten", () => {
  const echoes = new Echoes();
  echoes.note(1, 0, "7", "10");
  echoes.clear();
  expect(echoes.includes(1, 0, object, image("7", "3"))).toBe(false);
});

test("[S57] memory is bounded: of more writes than are remembered the last are known, and the first are not", () => {
  const echoes = new Echoes(4);
  for (const record of ["1", "2", "3", "4", "5"]) echoes.note(1, 0, record, "10");
  const isKnown = (record: string): boolean => echoes.includes(1, 0, object, image(record, "10"));
  expect(["1", "2", "3", "4", "5"].map(isKnown)).toEqual([false, false, true, true, true]);
  echoes.note(1, 0, "3", "12");
  expect(echoes.includes(1, 0, object, image("3", "11"))).toBe(true);
});
