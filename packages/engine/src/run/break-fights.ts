import { fingerprint, freezeFight } from "@accord/core";
import type { Absorbed, Entity, FieldIndex, MaybeValue, MergeEvent, Telling } from "@accord/core";
import type { EngineContext, RunningSync } from "./context.ts";

/** Breaks off what two rules do to one field without end: it is frozen, as a conflict for a person, and told. [S49] */
export function breakFights(context: EngineContext, sync: RunningSync, absorbed: Absorbed): Absorbed {
  let { entity } = absorbed;
  const broken: MergeEvent[] = [];
  for (const event of absorbed.events) {
    const told = toldBy(event);
    if (told === null || !isWatched(sync, told.field)) continue;
    const atMs = context.clock.nowMs();
    const telling: Telling = { side: told.side, digest: digestOf(told.value), isTaken: told.isTaken, atMs };
    const tellings = context.fights.note(entity.id, told.field, telling);
    const frozen = tellings === null ? null : freezeFight(sync.model, entity, told.field, tellings, atMs);
    if (frozen === null) continue;
    entity = frozen.entity;
    broken.push(frozen.event);
    alert(context, sync, entity, frozen.event);
  }
  return broken.length === 0 ? absorbed : { ...absorbed, entity, events: [...absorbed.events, ...broken] };
}

/** Counts move all day, and sets and texts take what everyone adds. */
function isWatched({ model }: RunningSync, field: FieldIndex): boolean {
  const policy = model.fields[field]?.policy.kind;
  return policy !== "counter" && policy !== "set";
}

function toldBy(event: MergeEvent): {
  readonly field: FieldIndex;
  readonly side: number;
  readonly value: MaybeValue;
  readonly isTaken: boolean;
} | null {
  switch (event.kind) {
    case "taken":
      return { field: event.field, side: event.side, value: event.to, isTaken: true };
    case "reverted":
      return { field: event.field, side: event.side, value: event.lost, isTaken: false };
    case "conflict": {
      if (event.policy === "initial") return null;
      const isTaken = event.winner === "observed";
      return { field: event.field, side: event.side, value: isTaken ? event.to : event.lost, isTaken };
    }
    default:
      return null;
  }
}

function digestOf(value: MaybeValue): string {
  return value === null ? "" : fingerprint(value ?? "\\U");
}

function alert(
  context: EngineContext,
  sync: RunningSync,
  { id }: Entity,
  { field, reason }: MergeEvent & { readonly kind: "reviewOpened" },
): void {
  const name = sync.model.fields[field]?.name ?? String(field);
  context.log.warn("field.fought_over", { sync: sync.model.name, entity: id, field: name });
  context.watch.fought(sync.model.name, id, name, reason);
}
