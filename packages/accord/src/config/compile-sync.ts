import type { FieldMapping, FieldModel, ObjectSchema, SideModel, SyncModel } from "@accord/core";
import type { ColumnTypes } from "@accord/engine/store";
import { checkColumns } from "./check-columns.ts";
import { columnsOf } from "./columns-of.ts";
import { compileField } from "./compile-field.ts";
import { compilePolicy, mappedFields } from "./compile-policy.ts";
import { compileOnly, compileSide } from "./compile-side.ts";
import { checkDirection, deletesOf, directionOf, driftOf, writersOf } from "./direction.ts";
import { fieldTypeOf, typeCatalogue } from "./field-type.ts";
import type { FieldType } from "./field-type.ts";
import { tryLaws } from "./laws.ts";
import { groupSamples, samplesOf } from "./samples.ts";
import type { Sample } from "./samples.ts";
import { pauseField } from "./pause-field.ts";
import { referenceOf } from "./order-syncs.ts";
import { syncOf } from "./project.ts";
import type { ConfigurationNote, ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectSide, ProjectSync } from "./project.ts";
import { columnTypesOf, hasSameIds, retypedColumns } from "./retyped.ts";
import type { FieldEntry } from "./schema/field-schema.ts";
import { settingsOf } from "./settings.ts";
import type { SyncSettings } from "./settings.ts";
import { refuse, remark } from "./side-context.ts";
import type { Findings, PausedField, SideContext } from "./side-context.ts";
import { noteShared } from "./shared.ts";
import { noteUnmapped } from "./unmapped.ts";
import type { KeyPath } from "./yaml/source.ts";

/** The schema of an object at a connection, as discovered; undefined where there is no such object. */
export type Schemas = (connection: string, object: string) => ObjectSchema | undefined;

/** A sync ready to run, or everything that keeps it from running. Notes come with both. */
export type CompileSyncResult =
  | {
      readonly kind: "ok";
      readonly model: SyncModel;
      readonly settings: SyncSettings;
      readonly notes: readonly ConfigurationNote[];
      /** Empty unless it was `planned`. */
      readonly paused: readonly PausedField[];
    }
  | { readonly kind: "problems"; readonly problems: readonly ConfigurationProblem[]; readonly notes: readonly ConfigurationNote[] };

/** What is known of a sync that was planned with this very file. */
export interface PlannedSync {
  /** By side: the types that its columns had. Empty where nothing is to be compared with them. */
  readonly types: readonly ColumnTypes[];
}

/** One field of a sync, with its type. */
interface ModelField {
  readonly name: string;
  readonly entry: FieldEntry;
  readonly type: FieldType;
  /** By side. */
  readonly isMapped: readonly boolean[];
  readonly writers: readonly boolean[];
}

/**
 * Makes the model of a sync from the project and the schemas of its objects. Pure: the same input gives the same answer.
 *
 * @param version of mapping, filter and policy, as the store counts it [S51]
 * @param planned of a sync that was planned with this very file: fields that do not fit what a system shows now are paused there instead of keeping all else from running [S50]
 */
export function compileSync(
  project: Project,
  syncName: string,
  schemas: Schemas,
  version = 1,
  planned: PlannedSync | null = null,
): CompileSyncResult {
  const findings: Findings = { problems: [], notes: [], paused: planned === null ? null : [] };
  const sync = syncOf(project, syncName);
  if (sync === undefined) {
    refuse(
      { project, findings },
      ["syncs"],
      `there is no sync "${syncName}"`,
      `use one of ${project.syncs.map(({ name }) => name).join(", ")}`,
    );
    return { kind: "problems", ...findings };
  }
  const contexts = contextsOf(project, sync, schemas, planned, findings);
  const catalogue = typeCatalogue(project.region);
  const fields = mappedFields(sync).map(([name, entry]) => modelField(sync, name, entry, fieldTypeOf(catalogue, entry.type, entry.fields)));
  const fieldModels = fields.map((field) => fieldModel({ project, findings, sync }, field));
  const sides = contexts.map((context, side) => (context === null ? null : sideModel(context, fields, side, version)));
  checkDirection({ project, findings }, sync);
  noteMatch({ project, findings }, sync, fields);
  if (findings.problems.length > 0 || !sides.every((side) => side !== null) || !fieldModels.every((field) => field !== null)) {
    return {
      kind: "problems",
      problems: findings.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
      notes: findings.notes,
    };
  }
  const { match, initial, merges } = sync.entry;
  const places = new Map(fields.map((field, place) => [field.name, place]));
  const model: SyncModel = {
    name: syncName,
    version,
    fields: fieldModels,
    sides,
    initial,
    deletes: deletesOf(sync),
    merges,
    direction: directionOf(sync),
    match: match.map((key) => key.flatMap((name) => places.get(name) ?? [])),
  };
  return { kind: "ok", model, settings: settingsOf(sync.entry), notes: findings.notes, paused: findings.paused ?? [] };
}

function contextsOf(
  project: Project,
  sync: ProjectSync,
  schemas: Schemas,
  planned: PlannedSync | null,
  findings: Findings,
): readonly (SideContext | null)[] {
  const catalogue = typeCatalogue(project.region);
  return sync.sides.map((side, place) => {
    const path = ["syncs", sync.name, "sides", side.name];
    const schema = schemas(side.connection, side.object);
    if (schema === undefined)
      return refuse(
        { project, findings },
        [...path, "object"],
        `there is no object "${side.object}" at ${side.connection}`,
        `see accord discover ${side.connection} for those that the account can see`,
      );
    if (schema.key.length === 0) {
      refuse(
        { project, findings },
        [...path, "object"],
        `${side.object} has no key: ${schema.keyProblem ?? "its records cannot be told apart"}`,
        "give it a primary key",
      );
    }
    const columns = columnsOf(project, sync.name, side.name);
    if (columns.kind === "columns") {
      const retyped = retypedColumns(planned?.types[place] ?? {}, columnTypesOf(schema, columns.columns));
      checkKey({ project, findings }, side, schema, retyped, [...path, "object"]);
      return { project, sync, side, schema, columns: columns.columns, retyped, catalogue, findings };
    }
    findings.problems.push(columns.problem);
    return null;
  });
}

/** Ids of another kind name nobody that is known: every record would be gone, and there would be as many new ones. [S50] */
function checkKey(
  context: Pick<SideContext, "project" | "findings">,
  side: ProjectSide,
  schema: ObjectSchema,
  retyped: SideContext["retyped"],
  path: KeyPath,
): void {
  for (const name of schema.key) {
    const type = retyped.get(name);
    if (type === undefined || hasSameIds(type)) continue;
    refuse(
      context,
      path,
      `the key column "${name}" of ${side.object} at ${side.connection} was ${type.before.native} when this was planned, and is ${type.now.native} now, so that no record can be told to be the one it was`,
      "give it back its type, or see what the new one means with accord plan --accept-types",
    );
  }
}

function modelField(sync: ProjectSync, name: string, entry: FieldEntry, type: FieldType): ModelField {
  const parts = Object.values(entry.fields ?? {});
  const isMapped = sync.sides.map(({ name: side }) => {
    const own = entry.sides[side];
    return own === undefined ? parts.length > 0 && parts.every((part) => part.sides[side] !== undefined) : own.constant === undefined;
  });
  const from = writersOf(sync, entry);
  const writers = sync.sides.map((side, index) => isMapped[index] === true && (from === null || from.includes(side.name)));
  return { name, entry, type, isMapped, writers };
}

function fieldModel(context: Parameters<typeof compilePolicy>[0], { name, entry, type, writers }: ModelField): FieldModel | null {
  const policy = compilePolicy(context, name, entry, type);
  if (policy === null) return null;
  const reference = referenceOf(context.sync.name, entry.type);
  return { name, type: type.type, policy, writers, drift: driftOf(context.sync, entry), reference, sensitive: entry.sensitive };
}

function sideModel(context: SideContext, fields: readonly ModelField[], side: number, version: number): SideModel | null {
  const before = context.findings.problems.length;
  const mappings = fields.map((field) => compileMapping(context, field, side));
  const parts = compileSide(context);
  const only = compileOnly(context, fields);
  if (context.findings.problems.length > before || parts === null) return null;
  checkColumns(
    context,
    fields.map(({ name, writers }, place) => ({ name, mapping: mappings[place] ?? null, isWritten: isWrittenAt(writers, side) })),
    parts.constants,
  );
  noteUnmapped(context);
  noteShared(context);
  const { name, connection, object } = context.side;
  const key = context.schema.key.map((column) => context.columns.indexOf(column));
  const mapping = { version, columns: context.columns, fields: mappings };
  return { name, connection, object, mapping, ...parts, only, key: key.includes(-1) ? [] : key };
}

/** Whether edits of other sides reach this one. */
function isWrittenAt(writers: readonly boolean[], side: number): boolean {
  return writers.some((writes, other) => writes && other !== side);
}

function compileMapping(context: SideContext, field: ModelField, side: number): FieldMapping | null {
  if (field.isMapped[side] !== true) return null;
  const path = ["syncs", context.sync.name, "fields", field.name];
  const isWritten = isWrittenAt(field.writers, side);
  const before = context.findings.problems.length;
  const mapping = compileField(context, { name: field.name, path, field: field.entry, type: field.type, isWritten });
  const paused = mapping === null ? pauseField(context, field.name, before) : null;
  if (paused !== null) return paused;
  if (mapping === null || field.type.family === "reference") return mapping;
  const at = field.entry.sides[context.side.name] === undefined ? path : [...path, context.side.name];
  if (isWritten && mapping.writes.length === 0)
    remark(context, "read-only", at, "is only read here: edits made elsewhere do not reach this side; add put, or from: and this side");
  const { lossy, unstable } = tryLaws(mapping, field.type.type, samplesFor(context, field), context.columns.length);
  if (unstable !== null)
    refuse(context, at, `a value (${unstable}) would change each time it is written [S48]`, "make get read back what put writes");
  else if (lossy !== null && isWritten)
    remark(
      context,
      "lossy",
      at,
      `lossy: not every value comes back as it was written (tried: ${lossy}); an edit made here is reviewed before it replaces the whole value [S15]`,
    );
  return mapping;
}

/** Samples of a field's values, the empty one first. */
function samplesFor(context: SideContext, { entry, type }: ModelField): readonly Sample[] {
  const empty = { kind: "an empty value", value: null };
  if (type.family !== "group") return [empty, ...samplesOf(type)];
  const parts = Object.values(entry.fields ?? {}).map((part) => fieldTypeOf(context.catalogue, part.type, undefined));
  return [empty, ...groupSamples(parts.map((part) => samplesOf(part)))];
}

/** Names are poor anchors: two people share one. */
const NAME_LIKE = /name|company|firm/i;

function noteMatch(context: Pick<SideContext, "project" | "findings">, sync: ProjectSync, fields: readonly ModelField[]): void {
  for (const [rule, key] of sync.entry.match.entries()) {
    const [only] = key;
    const type = fields.find((field) => field.name === only)?.type.family;
    if (key.length === 1 && only !== undefined && type === "text" && NAME_LIKE.test(only)) {
      remark(
        context,
        "match",
        ["syncs", sync.name, "match", rule],
        `matches by ${only} alone: different things with one name would be linked; add a second field to the key`,
      );
    }
  }
  for (const field of fields) {
    if (field.isMapped.filter(Boolean).length === 1)
      remark(
        context,
        "one-sided",
        ["syncs", sync.name, "fields", field.name],
        "is a column at one side only: nothing is kept in agreement",
      );
  }
}
