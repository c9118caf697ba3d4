/** What a site allows its tasks on the host's Docker engine, beyond what harms nobody. All of it is off unless it is given. */
export interface SitePolicy {
  readonly privileged: boolean;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** Whether containers may publish ports on the host. */
  readonly publishPorts: boolean;
  /** Graphics cards and the like, as `docker run --gpus` asks for them. */
  readonly gpus: boolean;
  /** Host devices by path. */
  readonly devices: readonly string[];
  /** Linux capabilities without `CAP_`. */
  readonly capAdd: readonly string[];
  /** Host folders whose content may be mounted. */
  readonly binds: readonly string[];
  /** Host folders whose content may be mounted read-only. */
  readonly readOnlyBinds: readonly string[];
  /** Names of volumes; `*`: any. */
  readonly volumes: readonly string[];
  /** Names of networks beside the default one; `*`: any but the host's. */
  readonly networks: readonly string[];
  /** Names of running containers that commands may enter whatever those have; `*`: any but Dagbook's own. */
  readonly enter: readonly string[];
}

export const STRICTEST: SitePolicy = {
  privileged: false, hostNetwork: false, hostPid: false, hostIpc: false, publishPorts: false, gpus: false,
  devices: [], capAdd: [], binds: [], readOnlyBinds: [], volumes: [], networks: [], enter: [],
};

/** Answers the policy, or what is wrong with it, a sentence each. Unknown fields are wrong: a slip must not widen anything. */
export function readSitePolicy(given: unknown): SitePolicy | { readonly problems: readonly string[] } {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { problems: ['the policy must be a JSON object'] };
  const problems = Object.entries(given).flatMap(([name, value]) => problemOf(name, value));
  return problems.length > 0 ? { problems } : { ...STRICTEST, ...(given as Partial<SitePolicy>) };
}

function problemOf(name: string, value: unknown): readonly string[] {
  if (!Object.hasOwn(STRICTEST, name)) return [`${name} is no field of the policy: there are ${Object.keys(STRICTEST).join(', ')}`];
  const shown = `${name} is ${JSON.stringify(value)}, but must be`;
  if (typeof STRICTEST[name as keyof SitePolicy] === 'boolean') return typeof value === 'boolean' ? [] : [`${shown} true or false`];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return [`${shown} a list of texts`];
  if (name !== 'binds' && name !== 'readOnlyBinds') return [];
  return (value as string[]).filter((path) => !/^\/[^/]/.test(path) || path.split('/').includes('..')).map((path) => `${name} holds ${JSON.stringify(path)}, but each must be an absolute path below / and without '..'`);
}
