import { z } from "zod";
import { isPhoneRegion } from "@accord/quality";
import { limitsSchema } from "./limits-schema.ts";
import type { LimitsEntry } from "./limits-schema.ts";
import { syncSchema } from "./sync-schema.ts";
import type { SyncEntry } from "./sync-schema.ts";
import type { SideNames } from "./policy-schema.ts";
import { expects, say, strict, text } from "./leaf.ts";

/** The names that a project file gives its sides, by sync; null where none is known yet. */
export type ProjectNames = ReadonlyMap<string, SideNames> | null;

const connectionSchema = z
  .looseObject(
    {
      connector: text("the name of a connector", "connector: postgres").meta({ description: "The kind of system: `postgres`, `sqlite`." }),
    },
    expects("a connection: its connector and settings", "{ connector: postgres, url: ${ERP_URL} }"),
  )
  .meta({ description: "The other keys are the connector's settings. `${NAME}` is read from the environment." });

/** The project file as parsed. */
export interface ProjectEntry {
  readonly version: 1;
  readonly installation?: string | undefined;
  readonly store?: string | undefined;
  readonly region: string;
  readonly limits: LimitsEntry;
  readonly connections: Readonly<Record<string, Readonly<Record<string, unknown>> & { readonly connector: string }>>;
  readonly syncs: Readonly<Record<string, SyncEntry>>;
}

/**
 * The one schema of accord.yaml: types, defaults, messages, the JSON Schema and the reference page come from it.
 * Made to measure for a file, because side names are keys: what is neither a key nor a side is then refused wherever it stands.
 */
export function projectSchema(names: ProjectNames): z.ZodType<ProjectEntry> {
  const syncs =
    names === null
      ? z.record(z.string(), syncSchema(null), expects("the syncs by name", "{ customers: … }"))
      : strict(Object.fromEntries([...names].map(([name, sides]) => [name, syncSchema(sides)])), "the syncs by name");
  return strict(
    {
      version: z
        .literal(1, expects("1, the version of the file's format", "version: 1"))
        .meta({ description: "The version of this format: 1." }),
      installation: z
        .string(expects("a short name", "installation: shop"))
        .regex(/^[a-z0-9_]{1,24}$/, say("must be 1 to 24 small letters, digits or underscores", "write installation: shop"))
        .optional()
        .meta({ description: "Marks what Accord makes at the systems (slots, tables). Left out: the folder's name." }),
      store: text("a path", "store: .accord/accord.db")
        .optional()
        .meta({ description: "Accord's own database, from the file's folder. Left out: `.accord/accord.db`." }),
      region: z
        .string(expects("a region of two letters", "region: DE"))
        .refine(isPhoneRegion, say("must be a region of two letters", "write region: DE"))
        .default("US")
        .meta({ description: "The region of telephone numbers without a country code. Default US." }),
      limits: limitsSchema.default({}).meta({ description: "Bounds of the engine's work." }),
      connections: z
        .record(z.string(), connectionSchema, expects("the connections by name", "{ crm: { connector: postgres, url: ${CRM_URL} } }"))
        .meta({ description: "The systems and how they are reached." }),
      syncs: syncs.meta({ description: "What is kept in agreement." }),
    },
    "a project: version, connections and syncs",
  );
}
