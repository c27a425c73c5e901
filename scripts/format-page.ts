import { format, resolveConfig } from "prettier";

/** A generated page in the repository's own format, so that the check of formats finds nothing to change. */
export async function formatted(text: string, path: string): Promise<string> {
  return format(text, { ...(await resolveConfig(path)), filepath: path });
}
