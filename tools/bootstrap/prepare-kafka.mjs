// Fetches the Kafka broker's jars into .dagbook/kafka, where `npm run cluster` and the tests look for them.
import { join } from 'node:path';
import { ROOT } from './install.mjs';

const { build } = await import('esbuild');
const outfile = join(ROOT, 'dist', 'programs', `parts-${process.pid}.mjs`);
await build({ absWorkingDir: ROOT, entryPoints: ['libs/parts/src/index.ts'], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node24', packages: 'external', logLevel: 'warning' });
const { ensureKafkaInstalled } = await import(outfile);
await ensureKafkaInstalled({ cacheDir: join(ROOT, '.dagbook', 'kafka'), pom: join(ROOT, 'deploy', 'kafka', 'pom.xml'), log: (line) => process.stderr.write(`${line}\n`) });
(await import('node:fs')).rmSync(outfile, { force: true });
