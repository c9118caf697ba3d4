// `npm run oracle`: bundles the oracle from its sources, so that it always judges the code as it stands, and runs it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, installPackages, NODE, ROOT } from '../bootstrap/install.mjs';

installPackages();
// Its rows go through the whole product.
if (process.argv[2] === 'dagruns') buildAll(['--no-web']);
const { build } = await import('esbuild');
// Below node_modules, so that the packages it leaves outside are found.
const outfile = join(ROOT, 'node_modules', '.cache', 'dagbook', 'oracle.mjs');
await build({
  absWorkingDir: ROOT, entryPoints: ['tools/oracle/oracle.ts'], outfile, bundle: true, packages: 'external', platform: 'node', target: 'node24', format: 'esm',
  tsconfig: 'tsconfig.base.json', logLevel: 'warning',
});
// npm changes into the project's folder; files are named from where the user stands.
const child = spawn(NODE, ['--enable-source-maps', outfile, ...process.argv.slice(2)], { cwd: process.env.INIT_CWD ?? process.cwd(), stdio: 'inherit', env: { ...process.env, DAGBOOK_ROOT: ROOT } });
child.on('exit', (code) => process.exit(code ?? 1));
