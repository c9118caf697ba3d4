import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TemplateError } from './error.ts';
import { renderShellSteps, type ShellCommand } from './shell.ts';

function rendered(template: string, params: { readonly [name: string]: string | number }): ShellCommand {
  const step = renderShellSteps(template, { runId: 'r', params }).next();
  if (step.done !== true) throw new Error('nothing is looked up here');
  return step.value;
}

function said(template: string, params: { readonly [name: string]: string | number }): string {
  const { command, environment } = rendered(template, params);
  return execFileSync('/bin/bash', ['-c', command], { env: { PATH: process.env['PATH'], ...environment }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const HOSTILE = '$(echo pwned) `echo pwned` "; echo pwned; \' && echo pwned # \\ * ${PATH}';

test.each([
  ['double quotes', 'echo "<{{ params.x }}>"'],
  ['single quotes', "echo '<{{ params.x }}>'"],
  ['ANSI quotes', "echo $'<{{ params.x }}>'"],
  ['double quotes in a substitution', 'echo "<$(printf %s "{{ params.x }}")>"'],
  ['single quotes in a substitution', `echo "<$(printf %s '{{ params.x }}')>"`],
  ['backticks', "echo \"<`printf %s '{{ params.x }}'`>\""],
  ['an assignment', 'X={{ params.x }}; echo "<$X>"'],
  ['a here document', 'cat <<EOF\n<{{ params.x }}>\nEOF'],
  ['a here document with tabs', "cat <<-\tEOF # it's\n\t<{{ params.x }}>\n\tEOF"],
  ['a here string', 'cat <<< "<{{ params.x }}>"'],
  ['a default', 'echo "<${NOTHING:-{{ params.x }}}>"'],
  ['a function', "f() { echo \"<$1>\"; }; f '{{ params.x }}'"],
  ['after a comment', "# don't {{ params.x }}\necho '<{{ params.x }}>'"],
  ['a macro', "{% macro show(v) %}'<{{ v }}>'{% endmacro %}echo {{ show(params.x) }}"],
  ['a block set aside', "{% set part %}'<{{ params.x }}>'{% endset %}echo {{ part }}"],
  ['a filter', "echo '<{{ params.x | replace('q', 'q') }}>'"],
])('a hostile value in %s is data', (_, template) => {
  expect(said(template, { x: HOSTILE })).toBe(`<${HOSTILE}>\n`);
});

test('outside of quotes a value is split into words, as in Airflow, and nothing of it runs', () => {
  expect(said('printf "<%s>" {{ params.x }}', { x: '--day 2027-01-05;echo pwned' })).toBe('<--day><2027-01-05;echo><pwned>');
  expect(said('echo $(( {{ params.x }} * 2 ))', { x: 21 })).toBe('42\n');
});

test.each([
  'echo $(( {{ params.x }} ))', '(( {{ params.x }} ))', 'echo "$(( 1 + {{ params.x }} ))"', '[[ {{ params.x }} -eq 1 ]]', '[[ 1 -lt "{{ params.x }}" ]]',
  'echo ${list[{{ params.x }}]}', 'echo "${list["{{ params.x }}"]}"', 'list[{{ params.x }}]=1', "list['{{ params.x }}']=1",
])('%s would evaluate a value: one that is no number is refused', (template) => {
  expect(() => rendered(template, { x: 'a[$(echo pwned)]' })).toThrow(TemplateError);
  expect(() => rendered(template, { x: 'DAGBOOK_PARAM_X' })).toThrow(TemplateError);
  expect(rendered(template, { x: 1 }).environment).toEqual({ DAGBOOK_VALUE_1: '1' });
});

test('brackets elsewhere are no subscripts', () => {
  expect(said('echo "rows[{{ params.x }}]"', { x: 'a b' })).toBe('rows[a b]\n');
  expect(said('[[ "{{ params.x }}" == a* ]] && echo yes', { x: 'a[0]' })).toBe('yes\n');
});

test('whatever the text around it is, a value never runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dagbook-shell-'));
  const canary = join(folder, 'pwned');
  const hostile = [`$(touch ${canary})`, `\`touch ${canary}\``, `'; touch ${canary}; '`, `"; touch ${canary}; "`, `;\n touch ${canary} \n`, `a[$(touch ${canary})]`, `EOF\ntouch ${canary}`, `) ; touch ${canary} ; (`];
  const piece = fc.constantFrom("'", '"', '$(', ')', '`', '${X:-', '}', '$((', '))', "$'", '\\', ' ', '\n', '# ', 'echo ', '<<EOF\n', "<<'EOF'\n", '\nEOF\n', 'case a in a) ', ';; esac', '[[ ', ' ]]', ' -eq ', 'x=', 'list[', ']', '; ', '&& ', '((', '{{ params.x }}', '{{ params.x }}');
  fc.assert(
    fc.property(fc.array(piece, { minLength: 2, maxLength: 14 }), fc.constantFrom(...hostile), (pieces, x) => {
      let command: ShellCommand;
      try {
        command = rendered(pieces.join(''), { x });
      } catch (error) {
        if (error instanceof TemplateError) return;
        throw error;
      }
      spawnSync('/bin/bash', ['-c', command.command], { cwd: folder, env: { PATH: process.env['PATH'], ...command.environment }, stdio: 'ignore', timeout: 5_000 });
      const ran = existsSync(canary);
      rmSync(canary, { force: true });
      if (ran) throw new Error(`ran: ${JSON.stringify(command)}`);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  );
  rmSync(folder, { recursive: true });
});

test('in a here document that expands nothing a value must be plain', () => {
  expect(() => rendered("cat <<'EOF'\n{{ params.x }}\nEOF", { x: 'EOF\necho pwned' })).toThrow(TemplateError);
  expect(said("cat <<'EOF'\n{{ params.x }}\nEOF", { x: '2027-01-05' })).toBe('2027-01-05\n');
});

test('what only passes on JSON or is called safe is data as well', () => {
  expect(said("echo '{{ params.x | safe }}'", { x: "'; echo pwned; '" })).toBe("'; echo pwned; '\n");
  expect(said("echo '{{ params | tojson }}'", { x: "$(echo pwned)'" })).toBe('{"x": "$(echo pwned)\\u0027"}\n');
});

test('people are shown the command with its values', () => {
  expect(rendered("aws s3 cp '{{ params.from }}' s3://lake/{{ params.day }}/", { from: "it's", day: '2027-01-05' })).toEqual({
    command: `aws s3 cp ''"\${DAGBOOK_VALUE_1}"'' s3://lake/\${DAGBOOK_VALUE_2}/`,
    environment: { DAGBOOK_VALUE_1: "it's", DAGBOOK_VALUE_2: '2027-01-05' },
    shown: "aws s3 cp 'it's' s3://lake/2027-01-05/",
  });
});
