// A contender's process: `node bench/serve.ts MODULE ALG STATE` sends its address to the parent, and serves until
// it is ended. Its standard output, and so the log lines of a Worker, goes where the parent says: nowhere.
const [contender, alg, state] = process.argv.slice(2);
const { serve } = await import(`./contenders/${contender}.ts`);
const { url, stop } = await serve({ alg, state });
process.send?.(url);
process.once('SIGTERM', async () => {
  await stop();
  process.exit(0);
});

// A module: there is nothing to import statically.
export {};
