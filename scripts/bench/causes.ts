/** By measure: why a figure stays below *must*, and what would raise it. Printed for those that do. */
export const CAUSES: Readonly<Record<string, string>> = {};
