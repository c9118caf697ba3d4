// `npm run cluster`: five separate processes over Postgres and a real Kafka broker on this machine.
import { buildAll, giveUp, installPackages } from './install.mjs';
import { installSystemParts } from './system.mjs';
import { runProgram } from './run.mjs';

installPackages();
for (const { sentence, remedy } of installSystemParts(['java', 'maven'])) giveUp(sentence, remedy);
buildAll();
runProgram('cluster/main.js', process.argv.slice(2));
