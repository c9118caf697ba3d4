import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiFailure } from '../api/client.ts';
import { signIn } from '../api/mutation.ts';
import { Brand } from '../frame/app-frame.tsx';
import { failureSentence } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './sign-in-page.module.css';

const route = getRouteApi('/sign-in');

export function SignInPage() {
  const text = useText();
  const router = useRouter();
  const queries = useQueryClient();
  const { to } = route.useSearch();
  const [username, setUsername] = useState('admin');
  const [password, setPassword] = useState('');
  const signingIn = useMutation({
    mutationFn: () => signIn(username, password),
    onSuccess: () => {
      queries.clear();
      // Only an address of this page: a link must not lead away from it after signing in.
      router.history.push(to !== undefined && /^\/(?![/\\])/.test(to) ? to : '/');
    },
  });
  const wrong = signingIn.error instanceof ApiFailure && signingIn.error.status === 401;
  return (
    <main className={style.page}>
      <form className={style.form} onSubmit={(event) => { event.preventDefault(); signingIn.mutate(); }}>
        <div className={style.brand}><Brand size={28} /><h1>Dagbook</h1></div>
        <TextInput size="sm" label={text.signIn.username} autoComplete="username" value={username} onChange={(event) => setUsername(event.currentTarget.value)} required />
        <PasswordInput
          size="sm" label={text.signIn.password} autoComplete="current-password" autoFocus required value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={signingIn.error === null ? undefined : wrong ? text.signIn.wrong : failureSentence(signingIn.error, text)}
        />
        <Button type="submit" size="sm" loading={signingIn.isPending}>{text.signIn.submit}</Button>
        <p className="soft">{text.signIn.hint}</p>
      </form>
    </main>
  );
}
