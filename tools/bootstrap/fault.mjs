// `npm run fault -- --kills N --seed S`: see test/fault/README.md.
import { buildAll, giveUp, installPackages } from './install.mjs';
import { installSystemParts } from './system.mjs';

installPackages();
for (const { sentence, remedy } of installSystemParts(['java', 'maven'])) giveUp(sentence, remedy);
buildAll();
const { runTypeScript } = await import('./run-typescript.mjs');
await runTypeScript('test/fault/main.ts', process.argv.slice(2));
