import { z } from "zod";
import { projectSchema } from "./project-schema.ts";
import type { ProjectNames } from "./project-schema.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a project file (draft 2020-12), for editors: with null for any file; with the names of one made to measure, so that a key that is neither
 * a key nor a side is marked there too. Syncs that are not named yet may be added and are then checked loosely.
 */
export function jsonSchemaOf(names: ProjectNames): Json {
  const any = jsonOf(null);
  if (names === null || names.size === 0) return any;
  const made = jsonOf(names);
  const syncs = {
    ...memberOf(memberOf(made, "properties"), "syncs"),
    additionalProperties: memberOf(memberOf(memberOf(any, "properties"), "syncs"), "additionalProperties"),
  };
  return { ...made, properties: { ...memberOf(made, "properties"), syncs } };
}

function jsonOf(names: ProjectNames): Json {
  return { ...z.toJSONSchema(projectSchema(names), { io: "input", unrepresentable: "any" }), title: "Accord project file" };
}

function memberOf(node: Json, key: string): Json {
  const member = node[key];
  return typeof member === "object" && member !== null ? (member as Json) : {}; // What zod writes is JSON: an object has text keys.
}
