import './style/mantine.css';
import 'pretendard/dist/web/static/pretendard-dynamic-subset.css';
import './style/token.css';

import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiFailure } from './api/client.ts';
import { LiveProvider, LiveUpdates } from './api/live.ts';
import { router } from './router.tsx';
import { cssVariablesResolver, theme } from './style/theme.ts';

/** Without a session nothing can be read: sign in, and come back to where it was asked. */
function toSignIn(status: number): void {
  if (status !== 401 || router.state.location.pathname === '/sign-in') return;
  void router.navigate({ to: '/sign-in', search: { to: router.state.location.href } });
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: (failure) => { if (failure instanceof ApiFailure) toSignIn(failure.status); } }),
  defaultOptions: {
    queries: {
      // The stream tells what became stale; time does not.
      staleTime: 30_000,
      retry: (failures, failure) => failures < 2 && failure instanceof ApiFailure && (failure.status === 0 || failure.status >= 500),
    },
  },
});

const live = new LiveUpdates(queries, toSignIn);

const place = document.getElementById('root');
if (place === null) throw new Error('index.html has no #root');
createRoot(place).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <Notifications position="bottom-right" autoClose={4_000} />
      <QueryClientProvider client={queries}>
        <LiveProvider value={live}>
          <RouterProvider router={router} />
        </LiveProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
