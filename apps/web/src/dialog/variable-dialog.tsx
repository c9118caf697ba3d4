import { Button, Group, Modal, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import { createVariable, updateVariable } from '../api/mutation.ts';
import { variablesKey } from '../api/query.ts';
import type { Variable } from '../api/shape.ts';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dialog.module.css';

/** Stores a variable, or changes one. A secret one comes hidden, and stays as it is unless it is typed anew. */
export function VariableDialog({ variable, onClose }: { readonly variable: Variable | null; readonly onClose: () => void }) {
  const text = useText();
  const refresh = useRefresh();
  const [key, setKey] = useState(variable?.key ?? '');
  const [value, setValue] = useState<string | null>(null);
  const [description, setDescription] = useState<string | null>(null);
  const saving = useMutation({
    mutationFn: (): Promise<unknown> => {
      const body = { key, value: value ?? variable?.value ?? '', description: (description ?? variable?.description ?? '') || null };
      if (variable === null) return createVariable(body);
      const fields = [...(value === null ? [] : ['value']), ...(description === null ? [] : ['description'])];
      return fields.length === 0 ? Promise.resolve() : updateVariable(body, fields);
    },
    onSuccess: async () => {
      notifications.show({ message: text.variable.saved(key) });
      onClose();
      await refresh(variablesKey);
    },
  });
  return (
    <Modal opened onClose={onClose} title={variable === null ? text.variable.add : variable.key} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="variable-dialog">
      <form className={style.form} onSubmit={(event) => { event.preventDefault(); saving.mutate(); }}>
        <TextInput label={text.variable.key} value={key} required disabled={variable !== null} onChange={(event) => setKey(event.currentTarget.value)} data-autofocus={variable === null ? true : undefined} />
        <Textarea label={text.variable.value} autosize minRows={3} maxRows={16} value={value ?? variable?.value ?? ''} onChange={(event) => setValue(event.currentTarget.value)} classNames={{ input: 'mono' }} spellCheck={false} />
        <TextInput label={text.variable.description} value={description ?? variable?.description ?? ''} onChange={(event) => setDescription(event.currentTarget.value)} />
        {saving.error !== null && <Failure failure={saving.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button type="submit" loading={saving.isPending}>{text.word.save}</Button>
        </Group>
      </form>
    </Modal>
  );
}
