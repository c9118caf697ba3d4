// `npm run simulate -- --seeds N` or `--seed N`: see test/simulation/README.md.
import { installPackages } from './install.mjs';

installPackages();
const { runTypeScript } = await import('./run-typescript.mjs');
await runTypeScript('test/simulation/main.ts', process.argv.slice(2));
