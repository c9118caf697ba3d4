// `npm run two-hosts`: the compose files on two engines in two network namespaces, from images built here. As root.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, giveUp, installPackages, NODE, ROOT } from './install.mjs';
import { installSystemParts } from './system.mjs';

installPackages();
for (const { sentence, remedy } of installSystemParts(['java', 'maven', 'docker', 'compose', 'debootstrap', 'network'])) giveUp(sentence, remedy);
buildAll();
const { status } = spawnSync(NODE, [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'deploy', ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit', env: { ...process.env, DAGBOOK_ROOT: ROOT } });
process.exitCode = status ?? 1;
