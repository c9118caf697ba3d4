// Mends installed packages that their authors will not mend. Run after each install; does nothing the second time.
// A package of another version, or text that matches neither before nor after, stops the installation: a patch that no
// longer applies must be looked at by a person.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajsGroupMessages from './kafkajs-2.2.4-group-messages.mjs';
import kafkajsRecordHeaders from './kafkajs-2.2.4-record-headers.mjs';
import kafkajsRequestQueue from './kafkajs-2.2.4-request-queue.mjs';

const PATCHES = [kafkajsRequestQueue, kafkajsGroupMessages, kafkajsRecordHeaders];
const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', '..');

for (const patch of PATCHES) {
  const folder = join(root, 'node_modules', patch.package);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = join(folder, patch.file);
  const text = readFileSync(file, 'utf8');
  if (text.includes(patch.after)) continue;
  if (version !== patch.version || text.split(patch.before).length !== 2) {
    process.stderr.write(`${patch.package} ${version}: the patch for ${patch.version} in ${patch.file} does not apply. Look whether it is still needed; see tools/patches.\n`);
    process.exitCode = 1;
    continue;
  }
  // Replaced whole, so that an interrupted run leaves the one or the other; the file may also be a hard link to a cache.
  writeFileSync(`${file}.patched`, text.replace(patch.before, () => patch.after));
  renameSync(`${file}.patched`, file);
}
