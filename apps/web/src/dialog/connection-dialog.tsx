import { Button, Group, Modal, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefresh } from '../api/live.ts';
import { createConnection, updateConnection } from '../api/mutation.ts';
import { connectionsKey } from '../api/query.ts';
import type { Connection } from '../api/shape.ts';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dialog.module.css';

const NAMES = ['connection_id', 'conn_type', 'description', 'host', 'login', 'password', 'schema', 'port', 'extra'] as const;
type Name = (typeof NAMES)[number];

/** Stores a connection, or changes one. Its secrets are never shown: what is not typed anew stays. */
export function ConnectionDialog({ connection, onClose }: { readonly connection: Connection | null; readonly onClose: () => void }) {
  const text = useText();
  const refresh = useRefresh();
  const [typed, setTyped] = useState<{ readonly [name in Name]?: string }>({});
  const value = (name: Name): string => typed[name] ?? (name === 'password' || connection === null ? '' : String(connection[name] ?? ''));
  const control = (name: Name) => ({ label: text.connection[name], value: value(name), onChange: (event: { readonly currentTarget: { readonly value: string } }) => { const { value: now } = event.currentTarget; setTyped((before) => ({ ...before, [name]: now })); } });
  const port = value('port').trim();
  const isPort = port === '' || (/^\d{1,5}$/.test(port) && Number(port) <= 65_535);
  const saving = useMutation({
    mutationFn: (): Promise<unknown> => {
      const optional = (name: Name): string | null => (value(name) === '' ? null : value(name));
      const body = {
        connection_id: value('connection_id'), conn_type: value('conn_type'), description: optional('description'), host: optional('host'), login: optional('login'),
        schema: optional('schema'), port: port === '' ? null : Number(port), password: 'password' in typed || connection === null || connection.password === null ? optional('password') : connection.password, extra: optional('extra'),
      };
      if (connection === null) return createConnection(body);
      const fields = NAMES.filter((name) => name !== 'connection_id' && name in typed);
      return fields.length === 0 ? Promise.resolve() : updateConnection(body, fields);
    },
    onSuccess: async () => {
      notifications.show({ message: text.connection.saved(value('connection_id')) });
      onClose();
      await refresh(connectionsKey);
    },
  });
  return (
    <Modal opened onClose={onClose} size="lg" title={connection === null ? text.connection.add : connection.connection_id} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="connection-dialog">
      <form className={style.form} onSubmit={(event) => { event.preventDefault(); saving.mutate(); }}>
        <Group grow align="flex-start">
          <TextInput {...control('connection_id')} required disabled={connection !== null} data-autofocus={connection === null ? true : undefined} />
          <TextInput {...control('conn_type')} required placeholder="postgres" />
        </Group>
        <TextInput {...control('description')} />
        <Group grow align="flex-start">
          <TextInput {...control('host')} />
          <TextInput {...control('port')} inputMode="numeric" error={isPort ? undefined : text.connection.noPort} />
          <TextInput {...control('schema')} />
        </Group>
        <Group grow align="flex-start">
          <TextInput {...control('login')} autoComplete="off" />
          <PasswordInput {...control('password')} autoComplete="new-password" placeholder={connection?.password == null ? '' : text.connection.unchanged} />
        </Group>
        <Textarea {...control('extra')} description={text.connection.extraHint} autosize minRows={3} maxRows={12} classNames={{ input: 'mono' }} spellCheck={false} />
        {saving.error !== null && <Failure failure={saving.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button type="submit" loading={saving.isPending} disabled={!isPort}>{text.word.save}</Button>
        </Group>
      </form>
    </Modal>
  );
}
