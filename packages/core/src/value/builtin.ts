import { booleanType } from "./boolean.ts";
import { bytesType } from "./bytes.ts";
import { dateType } from "./date.ts";
import { decimalType } from "./decimal.ts";
import { instantType } from "./instant.ts";
import { integerType } from "./integer.ts";
import { jsonType } from "./json.ts";
import { textType } from "./text.ts";
import { timeType } from "./time.ts";
import { timestampType } from "./timestamp.ts";
import { uuidType } from "./uuid.ts";
import type { ValueType } from "./value-type.ts";
import { zonedType } from "./zoned.ts";

/** The exact types that need no parameter, by the name that accord.yaml gives them. `enum`, `set`, `reference` and `group` are made to measure. */
export const builtinTypes: ReadonlyMap<string, ValueType> = new Map(
  [
    textType,
    integerType,
    decimalType,
    booleanType,
    dateType,
    timeType,
    instantType,
    timestampType,
    zonedType,
    uuidType,
    bytesType,
    jsonType,
  ].map((type) => [type.name, type]),
);
