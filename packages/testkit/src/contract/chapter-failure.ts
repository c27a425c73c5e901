/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import type { Connection } from "@accord/engine/connector";
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { failure } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** Cancellation, lost connections, refused credentials. */
export function failureRules(rule: Rule): void {
  rule("every call whose signal is aborted already rejects with ACCORD_CANCELLED and does nothing", [], async (stage) => {
    const object = await stage.installed();
    const signal = AbortSignal.abort();
    const { connection } = stage;
    const name = stage.nameOf("customers");
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      check: () => connection.check([name], { signal }),
      discover: () => connection.discover({ signal }),
      open: () => connection.open(name, ["id"], { signal }),
      install: () => connection.install([name], "do", { signal }),
      epoch: () => connection.epoch({ signal }),
      readMark: () => connection.readMark({ signal }),
      writeMark: () => connection.writeMark({ storeId: "x", generation: 1 }, { signal }),
      list: () => object.list(null, { signal, pageSize: 10 })[Symbol.asyncIterator]().next(),
      read: () => object.read(["1"], { signal }),
      write: () => object.write([stage.create(object, { name: "never" })], { signal, mark: stage.mark }),
      ...(stage.facts.proof ? { findProofs: () => object.findProofs(["x"], { signal }) } : {}),
      ...(stage.facts.externalId ? { findByEntity: () => object.findByEntity([1], { signal }) } : {}),
    };
    for (const [method, call] of Object.entries(calls)) {
      const error = await failure(call()).catch((cause: unknown) => cause);
      expect(error, method).toMatchObject({ code: "ACCORD_CANCELLED" });
    }
    expect((await stage.list(object)).ids).toEqual([]);
    expect(await connection.readMark(stage.options)).toBeNull();
  });

  rule("[S31] a write that is aborted on its way is told truly: cancelled means that nothing was written", [], async (stage) => {
    const object = await stage.installed();
    for (let round = 0; round < 20; round += 1) {
      const abort = new AbortController();
      const name = `round ${round}`;
      const writing = object.write([stage.create(object, { name })], { signal: abort.signal, mark: stage.mark });
      const pause = new Promise<void>((resolve) => setTimeout(resolve, round / 8));
      await (round % 4 === 0 ? Promise.resolve() : pause);
      abort.abort();
      const [outcome] = await writing.catch((cause: unknown) => {
        expect(cause).toMatchObject({ code: "ACCORD_CANCELLED" });
        return [{ kind: "cancelled" as const }];
      });
      const isThere = (await namesOf(stage)).includes(name);
      if (outcome?.kind === "applied") expect(isThere).toBe(true);
      else if (outcome?.kind !== "unknown") expect([outcome?.kind, isThere]).toEqual([outcome?.kind, false]);
    }
  });

  rule("a closed connection fails with an AccordError, and can be closed again", [], async (stage) => {
    const other = stage.world.connect();
    const object = await other.open(stage.nameOf("customers"), ["id", "name"], stage.options);
    await other.close();
    await other.close();
    await failure(object.read(["1"], stage.options));
    await failure(other.discover(stage.options));
  });

  rule("[S30] where nobody answers, calls fail as unreachable, to be tried again, and name no secret", ["unreachable"], async (stage) => {
    const connection = stage.world.unreachable?.();
    if (connection === undefined) throw new Error("The world has nothing unreachable.");
    for (const error of await failuresOf(stage, connection)) {
      expect([error.code, error.remedy]).toEqual(["ACCORD_UNREACHABLE", "retry"]);
      expectNoSecret(stage, error);
    }
    await connection.close();
  });

  rule("[S30] refused credentials pause the connection, and the error names no secret", ["refused"], async (stage) => {
    const connection = stage.world.refused?.();
    if (connection === undefined) throw new Error("The world has nobody to refuse.");
    for (const error of await failuresOf(stage, connection)) {
      expect([error.code, error.remedy]).toEqual(["ACCORD_AUTH_REJECTED", "reauthorize"]);
      expectNoSecret(stage, error);
    }
    await connection.close();
  });

  rule(
    "[S31, S32] writes that are cut on their way: applied and not sent are true, and proof tells the rest",
    ["cut", "proof"],
    async (stage) => {
      const object = await stage.installed();
      for (let round = 0; round < 8; round += 1) {
        const operations = Array.from({ length: 6 }, (_, index) => stage.create(object, { name: `${round}/${index}` }));
        const pause = new Promise((resolve) => setTimeout(resolve, round));
        const cutting = round % 2 === 0 ? stage.world.cut?.() : pause.then(() => stage.world.cut?.());
        const outcomes = await Promise.all(operations.map((operation) => stage.writeOne(object, operation)));
        await cutting;
        const proofs = await eventually(() =>
          object.findProofs(
            operations.map(({ intent }) => intent),
            stage.options,
          ),
        );
        const names = await eventually(() => namesOf(stage));
        for (const [index, outcome] of outcomes.entries()) {
          const isThere = names.includes(`${round}/${index}`);
          expect(proofs.has(operations[index]?.intent ?? ""), `proof where the outcome is ${outcome.kind}`).toBe(isThere);
          if (outcome.kind === "applied") expect(isThere).toBe(true);
          else if (outcome.kind === "notSent") expect(isThere).toBe(false);
          else expect(outcome.kind).toBe("unknown");
        }
      }
    },
  );

  rule("[S30] a feed that is cut fails to be followed again, and from the last cursor loses nothing", ["cut", "feed"], async (stage) => {
    const object = await stage.installed();
    let cursor = await stage.cursor();
    let feed = await stage.follow([object], cursor);
    const first = await stage.customer();
    await stage.drain(feed, 1000, (next) => {
      cursor = next;
    });
    await stage.world.cut?.();
    const second = await eventually(() => stage.customer());
    // Whether the cut feed notices or not: it either goes on or says that it must be followed again.
    const seen = await feed.next({ ...stage.options, waitMs: 500, changesMax: 10 }).then(
      (batch) => batch.changes.map(({ record }) => record),
      (cause: unknown) => {
        expect(cause).toMatchObject({ remedy: "retry" });
        return [];
      },
    );
    await feed.close();
    feed = await eventually(() => stage.follow([object], cursor));
    const later = (await stage.drain(feed)).map(({ record }) => record);
    expect([...seen, ...later]).toContain(second);
    expect(first).not.toBe(second);
  });
}

async function namesOf(stage: Stage): Promise<string[]> {
  const object = await stage.open("customers", ["name"]);
  return [...(await stage.list(object)).images.values()];
}

async function failuresOf(stage: Stage, connection: Connection) {
  const name = stage.nameOf("customers");
  return [
    await failure(connection.discover(stage.options)),
    await failure(connection.open(name, ["id"], stage.options)),
    await failure(connection.epoch(stage.options)),
    await failure(connection.currentCursor(stage.options)),
  ];
}

function expectNoSecret(stage: Stage, error: Error): void {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    for (const secret of stage.world.secrets) {
      expect(each.message.includes(secret), "an error's message names a secret").toBe(false);
      expect((each.stack ?? "").includes(secret), "an error's stack names a secret").toBe(false);
    }
  }
}

/** Tries again while the failure says so: after a cut, the first calls may still find dead connections. */
async function eventually<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (cause) {
      if (attempt === 20) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
    }
  }
}
