#!/usr/bin/env node
// `npm run dagbook -- …`, and `dagbook` where this is installed: the command line. See docs/cli.md.
import { buildAll, installPackages } from './install.mjs';
import { runProgram } from './run.mjs';

installPackages();
buildAll(['--no-web']);
// npm runs scripts in the project's folder; paths that the user names begin where the user stands.
runProgram('cli/main.js', process.argv.slice(2), process.env.INIT_CWD ?? process.cwd());
