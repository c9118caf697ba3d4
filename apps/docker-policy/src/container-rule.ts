import type { SitePolicy } from './site-policy.ts';

/** Where a path of the host leads when links on its way are followed. */
export type ResolvePath = (path: string) => string;

/** undefined: allowed. Else what is wrong: field, value, rule and remedy in a sentence. */
type Rule = (value: unknown, policy: SitePolicy, resolve: ResolvePath, field: string) => string | undefined;

interface Fields {
  readonly [name: string]: Rule;
}

/**
 * Judges the body of `POST /containers/create`. Default-deny: a field that is in no table may only hold what means
 * nothing, so an engine that learns a new field opens no door. Names count to the letter, though an engine reads them
 * in any case: a body is handed on as it was read here.
 */
export function judgeContainer(body: { readonly [name: string]: unknown }, policy: SitePolicy, resolve: ResolvePath): string | undefined {
  const { HostConfig: host, ...rest } = body;
  const wrong = judgeFields('', rest, CONTAINER, policy, resolve);
  if (wrong !== undefined) return wrong;
  if (host === undefined || host === null) return undefined;
  return isObject(host) ? judgeFields('HostConfig.', host, HOST, policy, resolve) : refusal('HostConfig', host, 'it must be an object', 'send an object');
}

/** Judges what `docker inspect` says of a container that a command shall run in: none that owns the host. */
export function judgeEntered(host: { readonly [name: string]: unknown }, policy: SitePolicy, resolve: ResolvePath): string | undefined {
  return judgeFields('HostConfig.', Object.fromEntries(Object.entries(host).filter(([name]) => ENTERED.has(name))), HOST, policy, resolve);
}

const ENTERED = new Set(['Privileged', 'PidMode', 'NetworkMode', 'CapAdd', 'Devices', 'UTSMode', 'UsernsMode']);

function judgeFields(prefix: string, given: { readonly [name: string]: unknown }, rules: Fields, policy: SitePolicy, resolve: ResolvePath): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] as Rule : meansNothing;
    const wrong = rule(value, policy, resolve, `${prefix}${name}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } => typeof value === 'object' && value !== null && !Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === null || value === false || value === 0 || value === '' || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);

export function refusal(field: string, value: unknown, rule: string, remedy: string): string {
  const shown = JSON.stringify(value) ?? 'absent';
  return `${field} is ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}, but ${rule}: ${remedy}`;
}

const inPolicy = (field: keyof SitePolicy, value: unknown): string => `leave it out, or have the site's Docker policy say "${field}": ${JSON.stringify(value)}`;

const free: Rule = () => undefined;

const meansNothing: Rule = (value, _policy, _resolve, field) =>
  isEmpty(value) ? undefined : refusal(field, value, 'tasks may not set it', 'leave it out; no policy allows it');

/** An empty list would lift the engine's own protection. */
const absent: Rule = (value, _policy, _resolve, field) =>
  value === null ? undefined : refusal(field, value, "what the engine hides of the host's kernel stays hidden", 'leave it out');

const oneOf = (...allowed: readonly unknown[]): Rule => (value, _policy, _resolve, field) =>
  value === null || allowed.includes(value) ? undefined : refusal(field, value, `tasks may only have ${allowed.filter((item) => item !== '').join(', ')}`, 'leave it out');

const hostMode = (switched: 'hostPid' | 'hostIpc', kind: string, ...harmless: readonly string[]): Rule => (value, policy, _resolve, field) => {
  if (value === null || harmless.includes(value as string)) return undefined;
  if (value !== 'host') return refusal(field, value, `tasks may not join another container's ${kind}`, 'leave it out');
  return policy[switched] ? undefined : refusal(field, value, `tasks may not share the host's ${kind}`, inPolicy(switched, true));
};

const network: Rule = (value, policy, _resolve, field) => {
  if (value === null || ['', 'default', 'bridge', 'none'].includes(value as string)) return undefined;
  if (value === 'host') return policy.hostNetwork ? undefined : refusal(field, value, "tasks may not share the host's network", inPolicy('hostNetwork', true));
  if (typeof value !== 'string' || value.startsWith('container:')) return refusal(field, value, "tasks may not join another container's network", 'name a network');
  return isNamed(policy.networks, value) ? undefined : refusal(field, value, 'tasks may not join this network', inPolicy('networks', [value]));
};

const endpoints: Rule = (value, policy, resolve, field) => {
  if (isEmpty(value)) return undefined;
  const wanted = isObject(value) ? value['EndpointsConfig'] : undefined;
  if (!isObject(value) || Object.keys(value).length !== 1 || !isObject(wanted)) return refusal(field, value, 'it must hold EndpointsConfig alone', 'name networks in it');
  return first(Object.keys(wanted), (name) => network(name, policy, resolve, `${field}.EndpointsConfig`));
};

const privileged: Rule = (value, policy, _resolve, field) => {
  if (value === null || value === false || (value === true && policy.privileged)) return undefined;
  return refusal(field, value, 'a privileged container owns the host', inPolicy('privileged', true));
};

const capabilities: Rule = (value, policy, _resolve, field) => {
  if (isEmpty(value)) return undefined;
  const bare = (name: unknown): string => String(name).toUpperCase().replace(/^CAP_/, '');
  return first(asList(value), (name) => (policy.capAdd.some((allowed) => bare(allowed) === bare(name)) ? undefined : refusal(field, value, `tasks may not add the capability ${bare(name)}`, inPolicy('capAdd', [bare(name)]))));
};

const devices: Rule = (value, policy, _resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (device) => {
    const path = isObject(device) ? device['PathOnHost'] : undefined;
    return typeof path === 'string' && policy.devices.includes(path) ? undefined : refusal(field, value, 'tasks may not use devices of the host', inPolicy('devices', [path ?? '/dev/…']));
  });
};

const gpus: Rule = (value, policy, _resolve, field) =>
  isEmpty(value) || policy.gpus ? undefined : refusal(field, value, 'tasks may not use graphics cards of the host', inPolicy('gpus', true));

const ports: Rule = (value, policy, _resolve, field) =>
  isEmpty(value) || policy.publishPorts ? undefined : refusal(field, value, 'tasks may not publish ports on the host', inPolicy('publishPorts', true));

const securityOptions: Rule = (value, _policy, _resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (option) => (/^no-new-privileges([:=]true)?$/.test(String(option)) ? undefined : refusal(field, value, 'only no-new-privileges may be asked for', 'leave the rest out; no policy allows it')));
};

const logging: Rule = (value, _policy, _resolve, field) => {
  const type = isObject(value) ? value['Type'] : '';
  return value === null || ['', 'json-file', 'local', 'none'].includes(type as string) ? undefined : refusal(field, value, 'a log may only stay on the engine', 'use json-file, local or none');
};

/** Texts `source:target[:options]`. */
const binds: Rule = (value, policy, resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (bind) => {
    const [source = '', target, options = ''] = String(bind).split(':');
    if (target === undefined) return refusal(field, bind, 'it must be source:target', 'give both');
    return judgeSource(source, options.split(',').includes('ro'), policy, resolve, field, bind);
  });
};

const mounts: Rule = (value, policy, resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (mount) => {
    if (!isObject(mount)) return refusal(field, mount, 'each must be an object', 'give Type, Source and Target');
    const { Type: type, Source: source, Target: _target, ReadOnly: readOnly, Consistency: _consistency, TmpfsOptions: _tmpfs, ...rest } = mount;
    // A volume's driver can be told to mount any folder, a bind's propagation to leak into the host.
    const extra = Object.entries(rest).find(([, option]) => !isEmpty(option));
    if (extra !== undefined) return refusal(`${field}.${extra[0]}`, extra[1], 'tasks may not set options of mounts', 'leave it out; no policy allows it');
    if (type === 'tmpfs') return undefined;
    if (type !== 'bind' && type !== 'volume') return refusal(`${field}.Type`, type, 'it must be bind, volume or tmpfs', 'use one of them');
    if (type === 'volume' && isEmpty(source ?? '')) return undefined;
    const isPath = String(source).startsWith('/');
    if (isPath !== (type === 'bind')) return refusal(`${field}.Source`, source, `a ${type} needs ${type === 'bind' ? 'an absolute path' : 'a name'}`, 'correct it');
    return judgeSource(String(source), readOnly === true, policy, resolve, `${field}.Source`, source);
  });
};

function judgeSource(source: string, readOnly: boolean, policy: SitePolicy, resolve: ResolvePath, field: string, shown: unknown): string | undefined {
  if (!source.startsWith('/')) {
    return isNamed(policy.volumes, source) ? undefined : refusal(field, shown, 'tasks may not mount this volume', inPolicy('volumes', [source]));
  }
  const roots = readOnly ? [...policy.binds, ...policy.readOnlyBinds] : policy.binds;
  if (source.split('/').includes('..')) return refusal(field, shown, "a path may not hold '..'", 'write where it leads');
  const real = resolve(source);
  // A root counts as it is written and as it resolves: the site may have chosen a link itself.
  if (roots.some((root) => isBelow(source, root) && (isBelow(real, root) || isBelow(real, resolve(root))))) return undefined;
  const through = real === source ? '' : `, which leads to ${real},`;
  return refusal(field, shown, `this folder of the host${through} may not be mounted${readOnly ? '' : ' with the right to write'}`, inPolicy(readOnly ? 'readOnlyBinds' : 'binds', [source]));
}

const isBelow = (path: string, root: string): boolean => {
  const [one, other] = [path, root].map((text) => text.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '')) as [string, string];
  return one === other || one.startsWith(`${other}/`);
};

const isNamed = (allowed: readonly string[], name: string): boolean => allowed.includes('*') || allowed.includes(name);

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function first(items: readonly unknown[], judge: (item: unknown) => string | undefined): string | undefined {
  for (const item of items) {
    const wrong = judge(item);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

const CONTAINER: Fields = {
  ...Object.fromEntries([
    'Hostname', 'Domainname', 'User', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'ExposedPorts', 'Tty', 'OpenStdin', 'StdinOnce', 'Env', 'Cmd', 'Healthcheck',
    'ArgsEscaped', 'Image', 'Volumes', 'WorkingDir', 'Entrypoint', 'NetworkDisabled', 'MacAddress', 'OnBuild', 'Labels', 'StopSignal', 'StopTimeout', 'Shell', 'name', 'platform',
  ].map((name) => [name, free])),
  NetworkingConfig: endpoints,
};

const HOST: Fields = {
  ...Object.fromEntries([
    'Memory', 'MemorySwap', 'MemoryReservation', 'MemorySwappiness', 'KernelMemory', 'NanoCpus', 'CpuShares', 'CpuPeriod', 'CpuQuota', 'CpusetCpus', 'CpusetMems', 'CpuCount', 'CpuPercent',
    'BlkioWeight', 'PidsLimit', 'Ulimits', 'ShmSize', 'Tmpfs', 'Init', 'AutoRemove', 'RestartPolicy', 'ReadonlyRootfs', 'CapDrop', 'GroupAdd', 'ExtraHosts', 'Dns', 'DnsOptions', 'DnsSearch',
    'ConsoleSize', 'IOMaximumIOps', 'IOMaximumBandwidth', 'Annotations',
  ].map((name) => [name, free])),
  Privileged: privileged,
  CapAdd: capabilities,
  Devices: devices,
  DeviceRequests: gpus,
  Binds: binds,
  Mounts: mounts,
  PortBindings: ports,
  PublishAllPorts: ports,
  NetworkMode: network,
  PidMode: hostMode('hostPid', 'processes', ''),
  IpcMode: hostMode('hostIpc', 'shared memory', '', 'none', 'private', 'shareable'),
  CgroupnsMode: oneOf('', 'private'),
  SecurityOpt: securityOptions,
  LogConfig: logging,
  Runtime: oneOf('', 'runc'),
  Isolation: oneOf('', 'default'),
  // A negative one shields it from the kernel, at the cost of everybody else.
  OomScoreAdj: (value, _policy, _resolve, field) => (value === null || (typeof value === 'number' && value >= 0) ? undefined : refusal(field, value, 'tasks may not be spared when memory runs out', 'leave it out')),
  MaskedPaths: absent,
  ReadonlyPaths: absent,
};
