import { z } from "zod";
import { projectSchema } from "./project-schema.ts";
import type { ProjectNames } from "./project-schema.ts";

/**
 * The JSON Schema of a project file (draft 2020-12), for editors: made to measure where its side names are known, so that a key that is neither is marked there
 * too; with null for any file.
 */
export function jsonSchemaOf(names: ProjectNames): Readonly<Record<string, unknown>> {
  return { ...z.toJSONSchema(projectSchema(names), { io: "input", unrepresentable: "any" }), title: "Accord project file" };
}
