// `npm start`: the whole product in one process on an embedded Postgres. See `npm start -- --help`.
import { buildAll, installPackages } from './install.mjs';
import { runProgram } from './run.mjs';

installPackages();
buildAll();
runProgram('standalone/main.js', process.argv.slice(2));
