import { fieldsMade } from "@accord/engine";
import type {
  ContactPayload,
  CreatePayload,
  MergePayload,
  MergePayloadEvent,
  RefusedPayload,
  WritePayload,
  WrittenField,
} from "@accord/engine";
import type { CallOptions } from "@accord/engine/connector";
import type { JournalRow } from "@accord/engine/store";
import { showFieldValue } from "./naming.ts";
import type { NamedSync } from "./naming.ts";
import type { StoreSession } from "./session.ts";

/** One thing that happened to a record, in plain words. */
export interface StoryLine {
  /** ISO 8601: when the user's write happened, as nearly as the system tells, or when Accord wrote. */
  readonly at: string;
  readonly run: number | null;
  /** The journal's entry. */
  readonly sequence: number;
  /** Null: the record as a whole. */
  readonly field: string | null;
  /** Null: Accord, or a person in Accord. */
  readonly side: string | null;
  /** The kind of event as the journal has it. */
  readonly kind: string;
  readonly text: string;
}

/** Journal entries read at once. */
const PAGE = 500;

/** How values are shown: masked where the field is sensitive and nobody asked for values. */
export interface StoryView {
  readonly sync: NamedSync;
  readonly showsValues: boolean;
}

/** All that happened to an entity, oldest first; `field` keeps that field alone and what happened to the record as a whole. */
export async function storyOf(
  session: StoreSession,
  view: StoryView,
  entity: number,
  field: string | null,
  options: CallOptions,
): Promise<readonly StoryLine[]> {
  const lines: StoryLine[] = [];
  for await (const row of entityRows(session, view.sync, entity, options)) lines.push(...linesOf(view, row, entity).toReversed());
  return lines.filter((line) => field === null || line.field === null || line.field === field).toReversed();
}

/** Newest first. */
async function* entityRows({ store }: StoreSession, sync: NamedSync, entity: number, options: CallOptions): AsyncGenerator<JournalRow> {
  let before: number | undefined;
  for (;;) {
    const rows = await store.readJournal({ sync: sync.row.id, entity, ...(before === undefined ? {} : { before }), limit: PAGE }, options);
    yield* rows;
    before = rows.at(-1)?.sequence;
    if (rows.length < PAGE || before === undefined) return;
  }
}

function linesOf(view: StoryView, row: JournalRow, entity: number): StoryLine[] {
  const base = { run: row.run, sequence: row.sequence };
  const side = row.side === null ? null : (view.sync.sides[row.side] ?? null);
  if (row.payloadErased)
    return [{ ...base, at: iso(row.atMs), field: null, side, kind: row.kind, text: "something happened whose content was erased" }];
  switch (row.kind) {
    case "merge":
    case "decision":
    case "undo":
    case "recovery": {
      // The engine's journal writes this shape for these kinds.
      const payload = JSON.parse(row.payload) as Partial<MergePayload>;
      const at = iso(payload.toMs === undefined || payload.toMs === 0 ? row.atMs : Math.min(payload.toMs, row.atMs));
      return (payload.events ?? []).flatMap((event) => {
        const text = eventText(view, event, payload.record ?? null, row.kind);
        return text === null ? [] : [{ ...base, at, field: event.field ?? null, side: event.side ?? side, kind: event.kind, text }];
      });
    }
    case "write":
      return writeLines(view, base, iso(row.atMs), side, JSON.parse(row.payload) as WritePayload | CreatePayload);
    case "refused": {
      const { reason, record, intent } = JSON.parse(row.payload) as RefusedPayload;
      const verb = intent === undefined ? "refused" : "gave no answer to";
      return [
        {
          ...base,
          at: iso(row.atMs),
          field: null,
          side,
          kind: "refused",
          text: `${side ?? "the side"} ${verb} a write${record === null ? "" : ` to record ${record}`}: ${reason}`,
        },
      ];
    }
    case "contact":
      return contactLines(base, iso(row.atMs), JSON.parse(row.payload) as ContactPayload, entity);
    case "guard":
    case "configuration":
      return [];
  }
}

/** First contact without anything to decide: the entry is shared by all entities that met at once. */
function contactLines(base: Pick<StoryLine, "run" | "sequence">, at: string, { met }: ContactPayload, entity: number): StoryLine[] {
  const sides = met.find(({ from, to }) => from <= entity && entity <= to)?.sides ?? [];
  const [first = "one side", ...others] = sides;
  const text =
    others.length === 0
      ? `found at ${first} alone at first contact; its values are those of ${first}`
      : `found at ${sides.join(" and ")} at first contact, with the same match key: they are one record, and their values agreed`;
  return [{ ...base, at, field: null, side: null, kind: "contact", text }];
}

function writeLines(
  view: StoryView,
  base: Pick<StoryLine, "run" | "sequence">,
  at: string,
  side: string | null,
  payload: WritePayload | CreatePayload,
): StoryLine[] {
  const where = `${side ?? "the side"} (record ${payload.record})`;
  const line = { ...base, at, side, kind: `write:${payload.kind}` };
  if (payload.kind === "delete") return [{ ...line, field: null, text: `Accord deleted it at ${where}` }];
  if (payload.kind === "archive") return [{ ...line, field: null, text: `Accord archived it at ${where}` }];
  if (payload.kind === "merge")
    return [{ ...line, field: null, text: `Accord merged it at ${where} into the record of the entity that it is part of` }];
  if (payload.kind === "undo-delete")
    return [{ ...line, field: null, text: `Accord deleted it at ${where} again: the undo of its creation` }];
  const isMade = payload.kind === "create";
  const head: StoryLine[] = isMade
    ? [{ ...line, field: null, text: `Accord created it at ${where}` }]
    : payload.kind === "restore"
      ? [{ ...line, field: null, text: `Accord brought it back at ${where}` }]
      : [];
  const written: readonly Pick<WrittenField, "field" | "before" | "after">[] = isMade ? fieldsMade(payload) : payload.fields;
  const fields = written.map(({ field, before, after }): StoryLine => {
    const shown = (value: string | null | undefined): string => showFieldValue(view.sync, field, value, view.showsValues);
    const altered = payload.altered.includes(field) ? `, which ${side ?? "it"} keeps in its own way` : "";
    const text =
      payload.kind === "undo-update"
        ? `Accord put back ${field} at ${where}; it was ${shown(before)}`
        : before === undefined
          ? `Accord wrote ${field} ${shown(after)} to ${where}${altered}`
          : `Accord wrote ${field} ${shown(after)} to ${where} over ${shown(before)}${altered}`;
    return { ...line, field, text };
  });
  return [...head, ...fields];
}

/** One merge event in plain words; null where it tells a reader nothing. */
function eventText(view: StoryView, event: MergePayloadEvent, record: string | null, cause: JournalRow["kind"]): string | null {
  const { field = "", side } = event;
  const who = side ?? "a person in Accord";
  const shown = (value: string | null | undefined): string => showFieldValue(view.sync, field, value, view.showsValues);
  switch (event.kind) {
    case "taken":
      return `${who} changed ${field} from ${shown(event.from)} to ${shown(event.to)}`;
    case "same":
      return `${who} made the same edit of ${field}`;
    case "conflict":
      return `${who} and another side had both changed ${field}; the rule ${event.policy ?? "?"} decided for ${shown(event.to)}${event.winner === "merged" ? ", made of both" : `, and ${shown(event.lost)} lost (it is kept here)`}`;
    case "reverted":
      return `${who} changed ${field} to ${shown(event.lost)}; that was set back, because ${REVERTED[event.because ?? ""] ?? "the rules say so"}`;
    case "drifted":
      return `${who} changed ${field} to ${shown(event.value)}; it is left there, and goes nowhere else`;
    case "reviewOpened":
      return `${who} changed ${field} to ${shown(event.candidate)} while it was ${shown(event.canonical)} elsewhere: left to a person (${event.reason ?? "conflict"})`;
    case "reviewUpdated":
      return `${who} changed ${field} to ${shown(event.candidate)} while it waits for a person`;
    case "reviewClosed":
      return closedText(event, field, shown);
    case "joined":
      return joinedText(event, who, record);
    case "notMade":
      return event.by === "person"
        ? `a person found that ${who} has no record of it: it is made again`
        : `${who} turned out to have no record of it: it is made again`;
    case "renamed":
      return `${who} gave it another key: ${event.from ?? "?"} became ${event.to ?? "?"}`;
    case "deleted":
      return isNobody(side) ? "it was deleted by a decision in Accord" : `${side} deleted it`;
    case "detached":
      return `what ${field} named was deleted: it names nothing any more`;
    case "followed":
      return `what ${field} named was deleted, and it went with it`;
    case "gone":
      return isNobody(side) ? null : `it is gone at ${side}`;
    case "deleteConflict":
      return `a delete met an edit at ${who}: ${event.kept === "review" ? "left to a person" : `the ${event.kept ?? "update"} won`}`;
    case "deleteReverted":
      return `the delete at ${who} counts for nothing, since this sync flows one way: it is made again there`;
    case "deleteDrifted":
      return `the delete at ${who} counts for nothing, since this sync flows one way: it stays away there`;
    case "revived":
      return cause === "undo"
        ? "it came back to life by an undo"
        : `it came back to life${isNobody(side) ? " by a decision in Accord" : ` by an edit at ${side}`}`;
    case "outOfScope":
      return `it left the filter of ${who}`;
    case "inScope":
      return `it takes part at ${who} again`;
    case "undone":
      return `an undo set ${field} from ${shown(event.from)} back to ${shown(event.to)}`;
    case "merged":
      return `${who} merged ${event.record === null ? "its record" : `record ${event.record ?? "?"}`} into that of entity ${event.into ?? "?"}`;
    case "absorbed":
      return `${who} merged the record of entity ${event.other ?? "?"} into this one`;
    case "leftBehind":
      return `${field} ${shown(event.value)} was held by the merged record alone; nothing writes it any more (it is kept here)`;
    case "handedOver":
      return `record ${event.record ?? "?"} of ${who}, which was that of entity ${event.from ?? "?"}, is this one's from now on`;
    case "unmerged":
      return `${who} took the merge with entity ${event.from ?? "?"} back: it is a record of its own again`;
    case "repointed":
      return `${field} follows a merge: ${shown(event.from)} is ${shown(event.to)} now`;
  }
}

function isNobody(side: string | null | undefined): boolean {
  return side === null || side === undefined;
}

const REVERTED: Readonly<Record<string, string>> = {
  "one-way": "the field flows the other way only",
  owner: "another side owns the field",
  ladder: "it only moves forward",
  blank: "an empty value there does not erase",
};

function closedText(event: MergePayloadEvent, field: string, shown: (value: string | null | undefined) => string): string {
  switch (event.because) {
    case "agreement":
      return `the sides came to agree on ${field} ${shown(event.to)}: the conflict is over`;
    case "delete":
      return `the conflict of ${field} ended with the delete`;
    case "undo":
      return `the conflict of ${field} ended with an undo`;
    default:
      return `a person decided: ${field} is ${shown(event.to)}; it was ${shown(event.from)}`;
  }
}

function joinedText(event: MergePayloadEvent, who: string, record: string | null): string {
  const name = `record ${event.record ?? record ?? "?"} of ${who}`;
  if (event.by === "match") return `${name} was found to be the same thing by its match key`;
  if (event.by === "person") return `a person said that ${name} is the same thing`;
  if (event.by === "create") return `${name} was found by its match key: the one that Accord had asked for`;
  if (event.by === "proof") return `${name} was recognised as the one that Accord had made`;
  return `first seen as ${name}`;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
