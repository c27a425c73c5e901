import type { EntityId, IntentId, NativeImage, RecordId, SideIndex } from "@accord/core";
import type { CellPatch } from "@accord/engine/connector";
import type { Intent, SyncId } from "@accord/engine/store";

/** One intent as its block holds it: a JSON array, so that SQLite can read it too (the view `intent`). */
export type IntentLine = readonly [
  id: IntentId,
  entity: EntityId,
  kind: Intent["kind"],
  record: RecordId | null,
  run: number,
  attempt: number,
  openedAtMs: number,
  deadlineMs: number,
  /** `field version,field version`. */
  fields: string,
  /** Of a create the line of its block's images. */
  set: number | FlatPatches,
  expect: FlatPatches,
];

/** Column, cell, column, cell. A cell that is unknown is {@link UNKNOWN}: JSON does not know unknown from null. [S5] */
type FlatPatches = readonly (number | string | null)[];
const UNKNOWN = 0;

/** What a block holds: its intents, and apart from them what creates ask for, an image a line: nothing of those has to be escaped. */
export interface IntentTexts {
  readonly body: string;
  /** Null where there are no creates. */
  readonly images: string | null;
}

export function writeIntentLines(intents: readonly Intent[]): IntentTexts {
  const images: NativeImage[] = [];
  // Creates of one plan share the list of their fields.
  let last: { readonly fields: Intent["fields"]; readonly text: string } | null = null;
  const body = JSON.stringify(
    intents.map(({ id, entity, kind, record, run, attempt, openedAtMs, deadlineMs, fields, set, expect }): IntentLine => {
      if (last?.fields !== fields) last = { fields, text: fields.map(({ field, version }) => `${field} ${version}`).join(",") };
      return [
        id,
        entity,
        kind,
        record,
        run,
        attempt,
        openedAtMs,
        deadlineMs,
        last.text,
        typeof set === "string" ? images.push(set) - 1 : flatPatches(set),
        flatPatches(expect),
      ];
    }),
  );
  return { body, images: images.length === 0 ? null : images.join("\n") };
}

function flatPatches(patches: readonly CellPatch[]): FlatPatches {
  const flat: (number | string | null)[] = [];
  for (const { column, cell } of patches) flat.push(column, cell === undefined ? UNKNOWN : cell);
  return flat;
}

function readFlat(flat: FlatPatches): CellPatch[] {
  const patches: CellPatch[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const cell = flat[at + 1];
    patches.push({ column: Number(flat[at]), cell: typeof cell === "number" ? undefined : cell });
  }
  return patches;
}

export function readIntentLines(body: string): readonly IntentLine[] {
  // Only writeIntentLines makes this text, and what was left of it.
  return JSON.parse(body) as readonly IntentLine[];
}

/** `images`: those of its block. */
export function intentOf(line: IntentLine, images: readonly NativeImage[], sync: SyncId, side: SideIndex): Intent {
  const [id, entity, kind, record, run, attempt, openedAtMs, deadlineMs, fields, set, expect] = line;
  return {
    id,
    sync,
    side,
    entity,
    kind,
    record,
    fields: fields === "" ? [] : fields.split(",").map(readFieldVersion),
    set: typeof set === "number" ? (images[set] ?? "") : readFlat(set),
    expect: readFlat(expect),
    attempt,
    run,
    openedAtMs,
    deadlineMs,
  };
}

function readFieldVersion(text: string): Intent["fields"][number] {
  const [field = 0, version = 0] = text.split(" ").map(Number);
  return { field, version };
}
