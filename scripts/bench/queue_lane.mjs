// Owns graphile-worker and pg-boss in the queue bench: one process a worker, lines of JSON.
//
// Arguments: which, how to connect (JSON for pg), the folder that holds node_modules.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [name, connection, packages] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const database = JSON.parse(connection);

// Its worker: batches are its local queue, and completions that are sent together.
async function graphileWorker() {
  const { run, makeWorkerUtils, Logger } = require("graphile-worker");
  const { Pool } = require("pg");
  const pool = new Pool({ ...database, max: 20 });
  const utils = await makeWorkerUtils({ pgPool: pool });
  const logger = new Logger(() => () => {});
  return {
    async install() {
      await utils.migrate();
    },
    async enqueue(batch, jobs) {
      for (let queued = 0; queued + batch <= jobs; queued += batch) {
        await utils.addJobs(Array.from({ length: batch }, () => ({ identifier: "noop", payload: {} })));
      }
    },
    async turn(batch, jobs) {
      let done = 0;
      let first;
      let last;
      const enough = Promise.withResolvers?.() ?? resolvers();
      const batching =
        batch === 1 ? {} : { worker: { localQueue: { size: batch }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } };
      const runner = await run({
        pgPool: pool,
        logger,
        noHandleSignals: true,
        concurrency: batch,
        preset: batching,
        taskList: {
          noop: () => {
            done += 1;
            if (done === 1) first = performance.now();
            if (done === jobs) {
              last = performance.now();
              enough.resolve();
            }
          },
        },
      });
      await enough.promise;
      await runner.stop();
      return { jobs: jobs - 1, seconds: (last - first) / 1000 };
    },
  };
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}

async function pgBoss() {
  const { PgBoss } = await import(require.resolve("pg-boss"));
  const boss = new PgBoss({ ...database, supervise: false, schedule: false, max: 1 });
  boss.on("error", () => {});
  await boss.start();
  return {
    async install() {
      await boss.createQueue("bench");
    },
    async enqueue(batch, jobs) {
      for (let queued = 0; queued + batch <= jobs; queued += batch) {
        await boss.insert("bench", Array.from({ length: batch }, () => ({ data: {} })));
      }
    },
    async turn(batch, jobs) {
      for (let done = 0; done < jobs; ) {
        const taken = await boss.fetch("bench", { batchSize: Math.min(batch, jobs - done) });
        // Beside another connection a fetch may come back empty, which complete() takes for an error.
        if (taken.length) await boss.complete("bench", taken.map((job) => job.id));
        done += taken.length;
      }
    },
  };
}

const queue = await { graphile_worker: graphileWorker, pg_boss: pgBoss }[name]();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const began = performance.now();
  let answer;
  try {
    const said = await queue[request.do](request.batch, request.jobs);
    answer = said ?? { jobs: request.jobs, seconds: (performance.now() - began) / 1000 };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
