import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { AppFrame } from './frame/app-frame.tsx';
import { dagListSearch, gridSearch, runListSearch, runSearch, taskInstanceSearch } from './model/search.ts';
import { DagListPage } from './page/dag-list-page.tsx';
import { HomePage } from './page/home-page.tsx';
import { NotFoundPage } from './page/not-found-page.tsx';
import { SignInPage } from './page/sign-in-page.tsx';

const root = createRootRoute({ component: AppFrame, notFoundComponent: NotFoundPage });

const signIn = createRoute({
  getParentRoute: () => root, path: '/sign-in', component: SignInPage,
  validateSearch: (raw: Record<string, unknown>): { to?: string } => (typeof raw['to'] === 'string' ? { to: raw['to'] } : {}),
});
const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage });
const dagList = createRoute({ getParentRoute: () => root, path: '/dags', component: DagListPage, validateSearch: dagListSearch });
const runList = createRoute({ getParentRoute: () => root, path: '/runs', component: lazyRouteComponent(() => import('./page/run-list-page.tsx'), 'RunListPage'), validateSearch: runListSearch });
const importErrors = createRoute({ getParentRoute: () => root, path: '/import-errors', component: lazyRouteComponent(() => import('./page/import-error-page.tsx'), 'ImportErrorPage') });

const requiredActions = createRoute({ getParentRoute: () => root, path: '/required-actions', component: lazyRouteComponent(() => import('./page/required-action-page.tsx'), 'RequiredActionPage') });
const connections = createRoute({ getParentRoute: () => root, path: '/connections', component: lazyRouteComponent(() => import('./page/connection-page.tsx'), 'ConnectionPage') });
const variables = createRoute({ getParentRoute: () => root, path: '/variables', component: lazyRouteComponent(() => import('./page/variable-page.tsx'), 'VariablePage') });

const dag = createRoute({ getParentRoute: () => root, path: '/dags/$dagId', component: lazyRouteComponent(() => import('./page/dag-page.tsx'), 'DagPage') });
const dagGrid = createRoute({ getParentRoute: () => dag, path: '/', component: lazyRouteComponent(() => import('./page/dag-grid-page.tsx'), 'DagGridPage'), validateSearch: gridSearch });
const dagRuns = createRoute({ getParentRoute: () => dag, path: 'runs', component: lazyRouteComponent(() => import('./page/dag-runs-page.tsx'), 'DagRunsPage'), validateSearch: runListSearch });
const dagCode = createRoute({ getParentRoute: () => dag, path: 'code', component: lazyRouteComponent(() => import('./page/dag-code-page.tsx'), 'DagCodePage') });
const dagDetails = createRoute({ getParentRoute: () => dag, path: 'details', component: lazyRouteComponent(() => import('./page/dag-details-page.tsx'), 'DagDetailsPage') });

const run = createRoute({ getParentRoute: () => root, path: '/dags/$dagId/runs/$runId', component: lazyRouteComponent(() => import('./page/run-page.tsx'), 'RunPage'), validateSearch: runSearch });
const taskInstance = createRoute({
  getParentRoute: () => root, path: '/dags/$dagId/runs/$runId/tasks/$taskId',
  component: lazyRouteComponent(() => import('./page/task-instance-page.tsx'), 'TaskInstancePage'), validateSearch: taskInstanceSearch,
});

const routeTree = root.addChildren([signIn, home, dagList, runList, importErrors, requiredActions, connections, variables, dag.addChildren([dagGrid, dagRuns, dagCode, dagDetails]), run, taskInstance]);

export const router = createRouter({ routeTree, defaultPreload: 'intent', scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
