import { readImage, undoField } from "@accord/core";
import type { Entity, EntityId, MaybeValue } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "../run/context.ts";
import { hydrate, loadReferences } from "../run/hydrate.ts";
import { isUnedited } from "../run/requests.ts";
import type { FinalDeed, UndoCells, UndoItem } from "./undo.ts";

/** What an undo would do to one thing, and whether it can. [S59] */
export interface UndoStep {
  readonly sync: string;
  readonly entity: EntityId;
  /** Null: the field is set back everywhere. */
  readonly side: string | null;
  /** `field`: a canonical value goes back. `restore`: what first contact wrote at a side. `uncreate`: a record that the run made. `revive`: a record that the run deleted. `final`: what no undo takes back. */
  readonly kind: "field" | "restore" | "uncreate" | "revive" | "final";
  /** The field, or the columns. */
  readonly what: string;
  readonly before: MaybeValue;
  readonly after: MaybeValue;
  /** `newer`: a user changed it since, and it is left alone. `level`: it is as it was before already. `never`: it cannot be taken back, and `what` says why. */
  readonly verdict: "back" | "newer" | "level" | "never";
}

const FINAL: Readonly<Record<FinalDeed, string>> = {
  link: "a person linked a record, and links are not taken back",
  restore: "what an undo put back at one side is written again by the next accord plan and accord apply",
  merge: "records that were merged are made two again by users alone, where they were merged",
  revive: "what an undo brought back to life is deleted at a side, by a user",
};

/** Entities looked at in one go. */
const PAGE = 1_000;

/** Says of each part of an undo whether it will be put back, as the sides stand now. Writes nothing. */
export async function previewUndo(context: EngineContext, items: readonly UndoItem[], options: CallOptions): Promise<readonly UndoStep[]> {
  const steps: UndoStep[] = [];
  for (const sync of context.syncs) {
    const own = items.filter((item) => item.sync === sync.model.name);
    for (let start = 0; start < own.length; start += PAGE) {
      const page = own.slice(start, start + PAGE);
      const stored = await context.store.loadEntities(
        page.map(({ entity }) => entity),
        options,
      );
      const references = await loadReferences(context, sync, stored, [], options);
      const entities = new Map(stored.map((entity) => [entity.id, hydrate(sync.model, entity, references)]));
      for (const item of page) {
        const entity = entities.get(item.entity);
        steps.push(...(entity === undefined ? [forgottenStep(item)] : stepsOf(sync, entity, item)));
      }
    }
  }
  return steps;
}

/** A deleted entity whose tombstone was collected: nothing is left to bring back. [S39, S59] */
function forgottenStep({ sync, entity }: UndoItem): UndoStep {
  const what = "it was deleted everywhere, and is no longer remembered";
  return { sync, entity, side: null, kind: "final", what, before: undefined, after: undefined, verdict: "never" };
}

function stepsOf(sync: RunningSync, entity: Entity, item: UndoItem): UndoStep[] {
  const about = { sync: item.sync, entity: item.entity };
  const fields = item.fields.flatMap(({ field: name, before, after }): UndoStep[] => {
    const field = sync.model.fields.findIndex((candidate) => candidate.name === name);
    if (field === -1 || before === undefined || after === undefined) return [];
    const undone = undoField(sync.model, entity, field, before, after, 0);
    return [{ ...about, side: null, kind: "field", what: name, before, after, verdict: undone.kind === "undone" ? "back" : undone.kind }];
  });
  const cells = (list: readonly UndoCells[], kind: "restore" | "uncreate"): UndoStep[] =>
    list.flatMap((one) => cellSteps(sync, entity, one, kind, about));
  const revived: UndoStep[] = item.revive
    ? [
        {
          ...about,
          side: null,
          kind: "revive",
          what: "the record",
          before: undefined,
          after: undefined,
          verdict: entity.life.kind === "live" && entity.review === null ? "level" : "back",
        },
      ]
    : [];
  const final = item.final.map((deed): UndoStep => ({
    ...about,
    side: null,
    kind: "final",
    what: FINAL[deed],
    before: undefined,
    after: undefined,
    verdict: "never",
  }));
  return [...fields, ...cells(item.restores, "restore"), ...cells(item.creates, "uncreate"), ...revived, ...final];
}

function cellSteps(
  sync: RunningSync,
  entity: Entity,
  { side: name, cells }: UndoCells,
  kind: "restore" | "uncreate",
  about: Pick<UndoStep, "sync" | "entity">,
): UndoStep[] {
  const side = sync.model.sides.findIndex((candidate) => candidate.name === name);
  const columns = sync.model.sides[side]?.mapping.columns ?? [];
  const member = entity.members[side];
  const image = member?.image ?? null;
  const step = { ...about, side: name, kind };
  if (image === null || member?.state !== "live")
    return [{ ...step, what: "the record", before: undefined, after: undefined, verdict: "level" }];
  const now = readImage(image);
  const verdict = isUnedited(columns, cells, now) ? "back" : "newer";
  if (kind === "uncreate") return [{ ...step, what: `record ${member.record ?? ""}`, before: undefined, after: undefined, verdict }];
  return Object.entries(cells).flatMap(([what, { before, after }]): UndoStep[] => {
    if (after === undefined) return [];
    const isLevel = now[columns.indexOf(what)] === before;
    return [{ ...step, what, before, after, verdict: isLevel ? "level" : verdict }];
  });
}
