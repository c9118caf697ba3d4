import { readFile } from 'node:fs/promises';
import { forms } from './forms.ts';
import { judge } from './judge.ts';

/**
 * `npm run oracle -- FORM FILE`: lists each row that differs from Airflow's answer, prints `held N of M` last. Exit code
 * 0: all hold; 1: some differ, or there are none; 2: the question itself was wrong.
 */
async function main([name, file, ...more]: readonly string[]): Promise<number> {
  const known = Object.keys(forms).join(', ');
  if (name === undefined || file === undefined || more.length > 0) return refuse(`Usage: npm run oracle -- FORM FILE, where FORM is one of ${known}.`);
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
  if (form === undefined) return refuse(`"${name}" is no form of rows that Dagbook can judge yet; it knows ${known}.`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return refuse(`${file} cannot be read: ${(error as Error).message}`);
  }
  const { rows, differences } = await judge(form, text);
  for (const { line, asked, expected, got } of differences) {
    console.log(`${file}:${line}\n  asked    ${JSON.stringify(asked)}\n  expected ${JSON.stringify(expected)}\n  got      ${JSON.stringify(got)}`);
  }
  console.log(`held ${rows - differences.length} of ${rows}`);
  return rows > 0 && differences.length === 0 ? 0 : 1;
}

function refuse(sentence: string): number {
  console.error(sentence);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = refuse((error as Error).message);
}
