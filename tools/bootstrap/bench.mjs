// `npm run bench -- NAME`: see test/bench/README.md.
import { buildAll, giveUp, installPackages } from './install.mjs';
import { installSystemParts } from './system.mjs';

installPackages();
const parts = [...(process.argv.includes('cluster') ? ['java', 'maven'] : []), ...(process.argv.includes('docker-overhead') ? ['docker', 'busybox'] : [])];
for (const { sentence, remedy } of installSystemParts(parts)) giveUp(sentence, remedy);
buildAll();
const { runTypeScript } = await import('./run-typescript.mjs');
await runTypeScript('test/bench/main.ts', process.argv.slice(2));
