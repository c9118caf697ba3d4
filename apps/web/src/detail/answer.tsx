import { Button, Checkbox, Group, NativeSelect, Switch, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import { answerInput } from '../api/mutation.ts';
import { dagKey, dagsKey, humanInputQuery, runKey } from '../api/query.ts';
import type { HumanInput, TaskInstance } from '../api/shape.ts';
import { type AnswerField, answerFields, readValue, shownValue } from '../model/answer-form.ts';
import { Instant } from '../part/instant.tsx';
import { Failure, Reading } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './answer.module.css';

/** What a task asks of people: to be answered while it waits, and what was answered afterwards. */
export function Answer({ instance }: { readonly instance: TaskInstance }) {
  const asked = useQuery(humanInputQuery(instance.dag_id, instance.dag_run_id, instance.task_id, instance.map_index));
  return (
    <Reading read={asked} rows={2}>
      {(input) => input !== null && (
        <section className={style.panel} data-testid="answer" aria-label={input.subject}>
          <h3>{input.subject}</h3>
          {input.body !== null && <p className={style.body}>{input.body}</p>}
          {input.response_received ? <Given input={input} /> : <Form key={input.created_at} input={input} instance={instance} />}
        </section>
      )}
    </Reading>
  );
}

function Given({ input }: { readonly input: HumanInput }) {
  const text = useText();
  const values = Object.entries(input.params_input);
  return (
    <>
      <p data-testid="answer-given">
        {text.answer.given(input.chosen_options?.join(', ') ?? '', input.responded_by_user?.name ?? null)} <span className="soft"><Instant at={input.responded_at} relative /></span>
      </p>
      {values.length > 0 && <pre className="mono">{JSON.stringify(input.params_input, null, 2)}</pre>}
    </>
  );
}

function Form({ input, instance }: { readonly input: HumanInput; readonly instance: TaskInstance }) {
  const text = useText();
  const refresh = useRefresh();
  const fields = answerFields(input.params);
  const [typed, setTyped] = useState<Readonly<Record<string, string | boolean>>>({});
  const [chosen, setChosen] = useState<string[]>(input.defaults ?? []);
  const shown = (field: AnswerField): string | boolean => typed[field.name] ?? shownValue(field, field.initial);
  const values = fields.map((field) => [field.name, field.name in typed ? readValue(field, shown(field)) : field.initial] as const);
  const isWhole = values.every(([, value]) => value !== undefined);
  const answering = useMutation({
    mutationFn: (options: readonly string[]) => answerInput(
      { dagId: instance.dag_id, runId: instance.dag_run_id, taskId: instance.task_id, mapIndex: instance.map_index },
      { chosen_options: [...options], ...(fields.length === 0 ? {} : { params_input: Object.fromEntries(values) }) },
    ),
    onSuccess: () => notifications.show({ message: text.answer.done }),
    // A first answer by somebody else refuses this one: what is shown must be read anew then, too.
    onSettled: () => refresh(dagsKey, dagKey(instance.dag_id), runKey(instance.dag_id, instance.dag_run_id)),
  });
  return (
    <form className={style.form} onSubmit={(event) => event.preventDefault()}>
      {fields.map((field) => <Field key={field.name} field={field} value={shown(field)} onValue={(value) => setTyped((before) => ({ ...before, [field.name]: value }))} />)}
      {input.assigned_users.length > 0 && <p className="soft">{text.answer.assigned(input.assigned_users.map(({ name }) => name).join(', '))}</p>}
      {answering.error !== null && <Failure failure={answering.error} />}
      {input.multiple ? (
        <>
          <Checkbox.Group label={text.answer.choose} value={chosen} onChange={setChosen}>
            <Group gap="md">{input.options.map((option) => <Checkbox key={option} value={option} label={option} />)}</Group>
          </Checkbox.Group>
          <Group><Button loading={answering.isPending} disabled={!isWhole || chosen.length === 0} onClick={() => answering.mutate(chosen)}>{text.answer.submit}</Button></Group>
        </>
      ) : (
        <Group>
          {input.options.map((option, at) => (
            <Button key={option} variant={at === 0 ? 'filled' : 'default'} loading={answering.isPending && answering.variables[0] === option} disabled={!isWhole || answering.isPending} onClick={() => answering.mutate([option])}>{option}</Button>
          ))}
        </Group>
      )}
    </form>
  );
}

function Field({ field, value, onValue }: { readonly field: AnswerField; readonly value: string | boolean; readonly onValue: (value: string | boolean) => void }) {
  const text = useText();
  const { title, description, kind, choices } = field;
  const about = { label: title, ...(description === null ? {} : { description }) };
  switch (kind) {
    case 'truth':
      return <Switch {...about} checked={value === true} onChange={(event) => onValue(event.currentTarget.checked)} />;
    case 'choice':
      return (
        <NativeSelect {...about} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}
          data={[...(String(value) === '-1' ? [{ value: '-1', label: '' }] : []), ...choices.map((choice, at) => ({ value: String(at), label: typeof choice === 'string' ? choice : JSON.stringify(choice) }))]} />
      );
    case 'long_text':
    case 'json':
      return (
        <Textarea {...about} autosize minRows={3} maxRows={12} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}
          {...(kind === 'json' ? { classNames: { input: 'mono' }, spellCheck: false } : {})} error={readValue(field, value) === undefined ? text.answer.noJson : undefined} />
      );
    default:
      return <TextInput {...about} inputMode={kind === 'number' ? 'decimal' : 'text'} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)} error={readValue(field, value) === undefined ? text.answer.noNumber : undefined} />;
  }
}
