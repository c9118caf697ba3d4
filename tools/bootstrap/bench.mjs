// `npm run bench -- NAME`: see test/bench/README.md.
import { buildAll, giveUp, installPackages } from './install.mjs';
import { installSystemParts } from './system.mjs';

installPackages();
if (process.argv.includes('cluster')) for (const { sentence, remedy } of installSystemParts(['java', 'maven'])) giveUp(sentence, remedy);
buildAll();
const { runTypeScript } = await import('./run-typescript.mjs');
await runTypeScript('test/bench/main.ts', process.argv.slice(2));
