import { readImage, writeImage } from "@accord/core";
import type { Connection, OpenObject } from "@accord/engine/connector";
import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresConnector } from "./connector.ts";

const signal = new AbortController().signal;
const options = { signal };
const mark = { storeId: "store", generation: 1 };

/** Of a canonical text: itself, the text that the column makes of it, or null where the column cannot hold it. */
type Expectation = readonly [text: string, held: string | null];

const same = (...texts: readonly string[]): readonly Expectation[] => texts.map((text) => [text, text]);
const becomes = (text: string, held: string): Expectation => [text, held];
const refuses = (...texts: readonly string[]): readonly Expectation[] => texts.map((text) => [text, null]);

const LONG = "9".repeat(400);

/** Column type, natural type, and what becomes of texts. */
const TYPES: readonly (readonly [native: string, natural: string, expectations: readonly Expectation[]])[] = [
  ["int2", "integer", [...same("0", "-1", "32767", "-32768"), ...refuses("32768", "-32769", "99999")]],
  ["int4", "integer", [...same("0", "-1", "2147483647", "-2147483648"), ...refuses("2147483648", "-2147483649")]],
  ["int8", "integer", [...same("0", "9223372036854775807", "-9223372036854775808"), ...refuses("9223372036854775808")]],
  ["oid", "integer", [...same("0", "4294967295"), ...refuses("4294967296")]],
  [
    "numeric",
    "decimal",
    same("0", "-1.5", "0.000000000000000000000000001", "123456789012345678901234567890.5", "NaN", "Infinity", "-Infinity", LONG),
  ],
  [
    "numeric(6,2)",
    "decimal",
    [
      ...same("0", "1.5", "-1.25", "9999.99", "-9999.99", "NaN", "0.01"),
      becomes("1.005", "1.01"),
      becomes("-1.005", "-1.01"),
      becomes("1.0049999", "1"),
      becomes("0.004", "0"),
      becomes("-0.004", "0"),
      becomes("0.005", "0.01"),
      becomes("9999.994", "9999.99"),
      ...refuses("9999.995", "10000", "-9999.995", "Infinity"),
    ],
  ],
  ["numeric(4,0)", "decimal", [...same("9999"), becomes("0.5", "1"), becomes("-2.5", "-3"), ...refuses("9999.5")]],
  [
    "numeric(3,-2)",
    "decimal",
    [...same("99900", "0"), becomes("150", "200"), becomes("149.9", "100"), becomes("49", "0"), becomes("50", "100"), ...refuses("99950")],
  ],
  ["numeric(2,4)", "decimal", [...same("0.0099", "0"), becomes("0.00005", "0.0001"), ...refuses("0.01", "0.00995")]],
  [
    "float8",
    "decimal",
    [
      ...same(
        "0",
        "1",
        "-1.5",
        "0.1",
        "0.0001",
        "0.00001",
        "123456789012345",
        "1234567890123456",
        "100000000000000",
        "1000000000000000",
        "NaN",
        "Infinity",
        "-Infinity",
        "12345.678",
      ),
      ...same("1".padEnd(301, "0"), `0.${"1".padStart(300, "0")}`, "12345678901234567000", "2251799813685249.5"),
      becomes("0.1234567890123456789", "0.12345678901234568"),
      becomes("9007199254740993", "9007199254740992"),
      ...refuses(LONG, `0.${"1".padStart(400, "0")}`),
    ],
  ],
  [
    "float4",
    "decimal",
    [
      ...same(
        "0",
        "1.5",
        "0.1",
        "100000",
        "1000000",
        "0.0001",
        "0.00001",
        "16777216",
        "NaN",
        "-Infinity",
        "340282350000000000000000000000000000000",
      ),
      becomes("0.123456789", "0.12345679"),
      becomes("16777217", "16777216"),
      ...refuses("1".padEnd(50, "0")),
    ],
  ],
  ["bool", "boolean", same("true", "false")],
  [
    "text",
    "text",
    [
      ...same("", "a", "\\N", "\\U", "a\tb\nc\rd\\e\bf\fg\vh", "NULL", "{}", '"', "'", "ä€😀", " padded ", "x".repeat(20_000)),
      ...refuses("a\u0000b", "\ud800"),
    ],
  ],
  ["varchar", "text", same("", "abc")],
  ["varchar(3)", "text", [...same("", "abc", "ä€😀", "ab "), becomes("abc  ", "abc"), ...refuses("abcd", "abc x", "😀😀😀😀")]],
  ["char(3)", "text", [...same("", "a", "abc", "😀"), becomes("a ", "a"), becomes("abc ", "abc"), ...refuses("abcd")]],
  ["char", "text", [...same("a"), ...refuses("ab")]],
  ["bpchar", "text", same("a", "a ")],
  ["name", "text", [...same("a", "x".repeat(63)), ...refuses("x".repeat(64))]],
  ["uuid", "uuid", same("0190163d-8694-739b-aea5-966c26f8ad90")],
  ["bytea", "bytes", same("", "00ff", "5c6e")],
  [
    "date",
    "date",
    [
      ...same(
        "2024-02-29",
        "1899-12-31",
        "0001-01-01",
        "0000-12-31",
        "-0043-03-15",
        "-4713-11-24",
        "+10000-01-01",
        "+5874897-12-31",
        "infinity",
        "-infinity",
      ),
      ...refuses("-4713-11-23", "+5874898-01-01"),
    ],
  ],
  ["time", "time", same("00:00:00", "23:59:59.999999", "24:00:00", "12:30:00.5")],
  [
    "time(0)",
    "time",
    [...same("12:00:00"), becomes("23:59:59.5", "24:00:00"), becomes("12:00:00.499999", "12:00:00"), becomes("12:00:00.5", "12:00:01")],
  ],
  ["timetz", "text", same("12:00:00+02", "12:00:00.25-03:30")],
  [
    "timestamp",
    "timestamp",
    [
      ...same(
        "2024-02-29T12:34:56.123456",
        "1999-12-31T23:59:59.999999",
        "-0043-03-15T01:02:03",
        "+294276-12-31T23:59:59.999999",
        "infinity",
        "-infinity",
        "0000-02-29T00:00:00",
      ),
      ...refuses("+294277-01-01T00:00:00"),
    ],
  ],
  [
    "timestamp(3)",
    "timestamp",
    [
      ...same("2024-01-01T00:00:00.123"),
      becomes("2024-01-01T00:00:00.1235", "2024-01-01T00:00:00.124"),
      becomes("1970-01-01T00:00:00.1235", "1970-01-01T00:00:00.123"),
      becomes("1970-01-01T00:00:00.123501", "1970-01-01T00:00:00.124"),
      becomes("2023-12-31T23:59:59.9995", "2024-01-01T00:00:00"),
      becomes("1899-12-31T23:59:59.9996", "1900-01-01T00:00:00"),
      becomes("2024-02-28T23:59:59.9999", "2024-02-29T00:00:00"),
    ],
  ],
  [
    "timestamptz",
    "instant",
    same("2024-02-29T12:34:56.123456Z", "1883-11-18T00:00:00Z", "-0043-03-15T01:02:03Z", "infinity", "-infinity", "+12024-01-01T00:00:00Z"),
  ],
  [
    "timestamptz(0)",
    "instant",
    [becomes("2024-12-31T23:59:59.5Z", "2025-01-01T00:00:00Z"), becomes("1999-12-31T23:59:59.5Z", "1999-12-31T23:59:59Z")],
  ],
  [
    "interval",
    "text",
    [
      ...same("PT0S", "P1Y2M3DT4H5M6.789S", "P-1DT1H", "PT-1H-30M", "P1Y", "PT0.5S", "PT-0.5S", "PT100H"),
      ...refuses("1 hour", "PT90M", "P13M", "PT", "P"),
    ],
  ],
  ["json", "json", same('{"a":1}', "[]", '"x"', "1", "null", '{"b":[1,{"c":null}]}', '"a\\u0000"')],
  [
    "jsonb",
    "json",
    [
      ...same(
        '{"a":1}',
        "[]",
        "{}",
        '"x"',
        "1",
        "null",
        "true",
        '{"aa":1,"b":2}',
        '{"b":[1,{"c":null}],"é":"😀"}',
        `[${LONG}]`,
        "[0.1,-1.5]",
        '"a\\\\u0000"',
        '{"":"","a,b":"c:d"}',
        '["\\b\\f\\n\\r\\t\\"\\\\/\\u0001"]',
      ),
      ...refuses('"a\\u0000"', '["\\ud800"]'),
    ],
  ],
  [
    "text[]",
    "json",
    [
      ...same(
        "[]",
        '["a","b"]',
        '["b","a","a"]',
        '["","NULL","null",null]',
        '["{","}",",","\\"","\\\\"," ","a b","\\t","\u00a0"]',
        '[["a","b"],["c","d"]]',
      ),
      ...refuses('[["a"],["b","c"]]', '["a",["b"]]', '{"a":1}', '"a"'),
    ],
  ],
  ["int4[]", "json", [...same("[]", "[1,2,3]", "[null,-1]"), becomes('["1"]', "[1]"), ...refuses("[1.5]", "[2147483648]", '["x"]')]],
  ["numeric(6,2)[]", "json", [...same("[1.5,2]"), becomes("[1.005]", "[1.01]")]],
  ["bool[]", "json", same("[true,false,null]")],
  ["date[]", "json", same('["2024-01-01","-0043-03-15"]')],
  ["timestamptz[]", "json", same('["2024-01-01T00:00:00.5Z"]')],
  ["varchar(2)[]", "json", [...same('["ab"]'), ...refuses('["abc"]')]],
  ["mood", "enum", [...same("sad", "so so"), ...refuses("glad")]],
  ["mood[]", "json", [...same('["sad","so so"]'), ...refuses('["glad"]')]],
  ["short_text", "text", [...same("abc"), ...refuses("abcd")]],
  ["price", "decimal", [...same("1.5"), becomes("1.005", "1.01")]],
  ["citext", "text", same("Hello", "HELLO")],
  ["inet", "text", same("192.168.0.1", "10.0.0.0/8", "::1")],
  ["cidr", "text", same("10.0.0.0/8")],
  ["macaddr", "text", same("08:00:2b:01:02:03")],
  ["bit(3)", "text", same("101")],
  ["varbit", "text", same("10", "")],
  ["xml", "text", same("<a>b</a>")],
  ["int4range", "text", same("[1,5)", "empty", "(,)")],
  ["point", "text", same("(1,2.5)")],
  ["tsvector", "text", same("'a':1 'b'")],
  ["pair", "text", same('(1,"a b")', "(,)")],
];

let server: PostgresServer;
let user: pg.Client;
let connection: Connection;
let opened: OpenObject;

beforeAll(async () => {
  server = await startPostgres();
  user = new pg.Client({ connectionString: server.url });
  await user.connect();
  const hasCitext = await user.query("SELECT FROM pg_available_extensions WHERE name = 'citext'");
  await user.query(hasCitext.rowCount === 0 ? "CREATE DOMAIN citext AS text" : "CREATE EXTENSION citext");
  await user.query(
    "CREATE TYPE mood AS ENUM ('sad', 'so so'); CREATE DOMAIN short_text AS varchar(3); CREATE DOMAIN price AS numeric(6,2) CHECK (value >= 0)",
  );
  await user.query("CREATE TYPE pair AS (a int, b text)");
  const columns = TYPES.map(([native], index) => `c${index} ${native === "char" ? '"char"' : native}`);
  await user.query(`CREATE TABLE everything (id int PRIMARY KEY, ${columns.join(", ")}, cash money)`);
  connection = postgresConnector.connect(
    { url: server.url },
    {
      name: "erp",
      installation: "types",
      clock: { nowMs: () => 0, elapsedMs: () => 0, sleep: async () => {} },
      random: { hex: () => "" },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
  );
  opened = await connection.open("everything", ["id", ...TYPES.map((_, index) => `c${index}`)], options);
});

afterAll(async () => {
  await connection.close();
  await user.end();
  await server.stop();
});

let rows = 0;

describe.each(TYPES.map(([native, natural, expectations], index) => ({ native, natural, expectations, index })))(
  "$native",
  ({ native, natural, expectations, index }) => {
    test(`[S15] what is written as ${native} reads back as was foreseen, the same from a write, a read and a listing`, async () => {
      const codec = opened.schema.columns.find(({ name }) => name === `c${index}`)?.codec ?? null;
      if (codec === null) throw new Error("no codec");
      expect(codec.typeName).toBe(natural);
      for (const [text, held] of expectations) {
        const encoded = codec.encode(text);
        if (held === null) {
          expect({ text, encoded }).toMatchObject({ encoded: { kind: "invalid" } });
          continue;
        }
        if (encoded.kind === "invalid") throw new Error(`${text}: ${encoded.problem}`);
        expect({ text, decoded: codec.decode(encoded.text) }).toEqual({ text, decoded: { kind: "value", text: held } });
        rows += 1;
        const record = String(rows);
        const [outcome] = await opened.write(
          [
            {
              kind: "create",
              intent: `i${record}`,
              entity: rows,
              set: writeImage(opened.columns.map((_, column) => (column === 0 ? record : column === index + 1 ? encoded.text : undefined))),
            },
          ],
          { signal, mark },
        );
        if (outcome?.kind !== "applied" || outcome.image === null) throw new Error(`${text}: ${JSON.stringify(outcome)}`);
        expect(readImage(outcome.image)[index + 1]).toBe(encoded.text);
        const { images } = await opened.read([record], options);
        expect(images).toEqual([outcome.image]);
        for await (const page of opened.list(String(rows - 1), { signal, pageSize: 10 }))
          if (page.ids.length > 0) expect(page.images).toEqual([outcome.image]);
        const expectOwn = [{ column: index + 1, cell: encoded.text }];
        const again = await opened.write(
          [{ kind: "update", intent: `u${record}`, entity: rows, record, set: expectOwn, expect: expectOwn }],
          { signal, mark },
        );
        expect(again).toMatchObject([{ kind: "applied", image: outcome.image }]);
      }
    });
  },
);

test("[S15] a column that cannot hold a text would refuse it, or change it without a word", async () => {
  for (const [index, [native, , expectations]] of TYPES.entries()) {
    if (native === "name" || native === "char" || native === "interval") continue;
    for (const [text, held] of expectations) {
      if (held !== null || text.includes("\u0000") || /\p{Surrogate}/u.test(text) || native.endsWith("[]")) continue;
      rows += 1;
      const [outcome] = await opened.write(
        [
          {
            kind: "create",
            intent: `r${rows}`,
            entity: rows,
            set: writeImage(opened.columns.map((_, column) => (column === 0 ? String(rows) : column === index + 1 ? text : undefined))),
          },
        ],
        { signal, mark },
      );
      expect({ native, text, kind: outcome?.kind }).toEqual({ native, text, kind: "rejected" });
    }
  }
});

test("[S5] money is refused with the reason", () => {
  const column = opened.schema.columns.find(({ name }) => name === "cash");
  expect(column).toMatchObject({ codec: null });
  expect(column?.codecProblem).toContain("numeric");
});
