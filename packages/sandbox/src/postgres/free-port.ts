import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that is free at this moment. Another program may take it before we listen on it: the caller tries again then.
 */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("the system named no port"));
      });
    });
  });
}
