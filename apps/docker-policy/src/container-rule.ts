import type { SitePolicy } from './site-policy.ts';

/** Where a path of the host leads when links on its way are followed; undefined: that cannot be seen from here. */
export type ResolvePath = (path: string) => string | undefined;

/** Containers of Dagbook itself carry it. Tasks do not touch them: who may enter the policy's own container holds the engine. */
export const PROTECTED_LABEL = 'dagbook.service';

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

/** What a container has mounted, as `docker inspect` tells it, wherever that was said. */
export interface Mounted {
  readonly Type: string;
  readonly Source: string;
  readonly RW: boolean;
}

/** Judges what `docker inspect` says of a container that a command shall run in: none that owns the host, or holds more of it than tasks may. */
export function judgeEntered(host: { readonly [name: string]: unknown }, mounted: readonly Mounted[], policy: SitePolicy, resolve: ResolvePath): string | undefined {
  return judgeFields('HostConfig.', Object.fromEntries(Object.entries(host).filter(([name]) => ENTERED.has(name))), HOST, policy, resolve)
    ?? first(mounted.filter(({ Type }) => Type === 'bind'), ({ Source, RW }) => judgeSource(Source, !RW, policy, resolve, 'Mounts.Source', Source));
}

const ENTERED = new Set(['Privileged', 'PidMode', 'IpcMode', 'NetworkMode', 'CapAdd', 'Devices', 'DeviceCgroupRules', 'UTSMode', 'UsernsMode']);

function judgeFields(prefix: string, given: { readonly [name: string]: unknown }, rules: Fields, policy: SitePolicy, resolve: ResolvePath): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] as Rule : unknownOf(rules);
    const wrong = rule(value, policy, resolve, `${prefix}${name}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** A name that the engine would take for a known one says it a second time, and may take back what was judged. */
const unknownOf = (rules: Fields): Rule => (value, policy, resolve, field) =>
  Object.keys(rules).some((known) => folded(known) === folded(field.split('.').at(-1) as string)) ? refusal(field, value, 'names of fields count to the letter', 'write it as the engine documents it') : meansNothing(value, policy, resolve, field);

/** As Go compares names, to which a long s and the sign of Kelvin are letters too. */
const folded = (name: string): string => name.toUpperCase().toLowerCase();

/** An object below a field: what is in no list may not be there at all. */
function misnamed(value: unknown, names: readonly string[], field: string): string | undefined {
  if (!isObject(value)) return refusal(field, value, 'it must be an object', 'send an object');
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  return unknown === undefined ? undefined : refusal(`${field}.${unknown}`, value[unknown], `only ${names.join(', ')} are known here, to the letter`, 'leave it out');
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
  // An engine takes an id for a name, also the id of the host's own network.
  const allowed = policy.networks.includes(value) || (policy.networks.includes('*') && /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(value) && !/^[0-9a-f]+$/.test(value));
  return allowed ? undefined : refusal(field, value, 'tasks may not join this network', inPolicy('networks', [value]));
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
    const wrong = misnamed(device, ['PathOnHost', 'PathInContainer', 'CgroupPermissions'], field);
    if (wrong !== undefined) return wrong;
    const path = isObject(device) ? device['PathOnHost'] : undefined;
    return typeof path === 'string' && policy.devices.includes(path) ? undefined : refusal(field, value, 'tasks may not use devices of the host', inPolicy('devices', [path ?? '/dev/…']));
  });
};

const gpus: Rule = (value, policy, _resolve, field) => {
  if (isEmpty(value)) return undefined;
  if (!policy.gpus) return refusal(field, value, 'tasks may not use graphics cards of the host', inPolicy('gpus', true));
  // Another driver can be asked for any device.
  return first(asList(value), (wanted) => misnamed(wanted, ['Driver', 'Count', 'DeviceIDs', 'Capabilities', 'Options'], field) ?? (isObject(wanted) && ['', 'nvidia', undefined].includes(wanted['Driver'] as string) ? undefined : refusal(field, value, 'its Driver may only be nvidia', 'leave it out')));
};

const ports: Rule = (value, policy, _resolve, field) =>
  isEmpty(value) || policy.publishPorts ? undefined : refusal(field, value, 'tasks may not publish ports on the host', inPolicy('publishPorts', true));

const securityOptions: Rule = (value, _policy, _resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (option) => (/^no-new-privileges([:=]true)?$/.test(String(option)) ? undefined : refusal(field, value, 'only no-new-privileges may be asked for', 'leave the rest out; no policy allows it')));
};

const logging: Rule = (value, _policy, _resolve, field) => {
  if (value === null) return undefined;
  const wrong = misnamed(value, ['Type', 'Config'], field);
  if (wrong !== undefined) return wrong;
  const type = isObject(value) ? value['Type'] : '';
  return ['', 'json-file', 'local', 'none'].includes(type as string) ? undefined : refusal(field, value, 'a log may only stay on the engine', 'use json-file, local or none');
};

/** Texts `source:target[:options]`. */
const binds: Rule = (value, policy, resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (bind) => {
    const [source = '', target, options = ''] = String(bind).split(':');
    if (target === undefined) return refusal(field, bind, 'it must be source:target', 'give both');
    const chosen = options.split(',');
    // What is mounted inside may not spread to the host.
    const unknown = chosen.find((option) => !['', 'ro', 'rw', 'z', 'Z', 'nocopy', 'private', 'rprivate'].includes(option));
    if (unknown !== undefined) return refusal(field, bind, `tasks may not ask for ${unknown}`, 'use ro or rw');
    return judgeSource(source, chosen.includes('ro'), policy, resolve, field, bind);
  });
};

const mounts: Rule = (value, policy, resolve, field) => {
  if (isEmpty(value)) return undefined;
  return first(asList(value), (mount) => {
    const wrong = misnamed(mount, ['Type', 'Source', 'Target', 'ReadOnly', 'Consistency', 'TmpfsOptions', 'BindOptions', 'VolumeOptions'], field);
    if (wrong !== undefined || !isObject(mount)) return wrong;
    const { Type: type, Source: source, ReadOnly: readOnly } = mount;
    // A volume's driver can be told to mount any folder, a bind's propagation to leak into the host.
    const extra = ['BindOptions', 'VolumeOptions'].find((name) => !isEmpty(mount[name] ?? null));
    if (extra !== undefined) return refusal(`${field}.${extra}`, mount[extra], 'tasks may not set options of mounts', 'leave it out; no policy allows it');
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
  const holding = roots.filter((root) => isBelow(source, root));
  if (real === undefined && holding.length > 0) {
    // Where tasks may not write they can have made no link: a folder that is not seen at all counts as it is written.
    if (readOnly && !policy.binds.some((root) => isBelow(source, root)) && holding.some((root) => resolve(root) === undefined)) return undefined;
    return refusal(field, shown, 'where its links lead cannot be seen by docker-policy', "mount the folder into docker-policy too, read-only, and see that its user may look into it");
  }
  // A root counts as it is written and as it resolves: the site may have chosen a link itself.
  if (real !== undefined && holding.some((root) => isBelow(real, root) || isBelow(real, resolve(root) ?? root))) return undefined;
  const through = real === undefined || real === source ? '' : `, which leads to ${real},`;
  return refusal(field, shown, `this folder of the host${through} may not be mounted${readOnly ? '' : ' with the right to write'}`, inPolicy(readOnly ? 'readOnlyBinds' : 'binds', [source]));
}

const isBelow = (path: string, root: string): boolean => {
  const [one, other] = [path, root].map((text) => text.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '')) as [string, string];
  return one === other || one.startsWith(`${other}/`);
};

const isNamed = (allowed: readonly string[], name: string): boolean => allowed.includes('*') || allowed.includes(name);

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function first<T>(items: readonly T[], judge: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const wrong = judge(item);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Whoever carries it is out of reach for tasks, also for the one who made it. */
const labels: Rule = (value, _policy, _resolve, field) =>
  isObject(value) && Object.hasOwn(value, PROTECTED_LABEL) ? refusal(`${field}.${PROTECTED_LABEL}`, value[PROTECTED_LABEL], "Dagbook's own containers are known by it", 'name the label otherwise') : undefined;

const CONTAINER: Fields = {
  ...Object.fromEntries([
    'Hostname', 'Domainname', 'User', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'ExposedPorts', 'Tty', 'OpenStdin', 'StdinOnce', 'Env', 'Cmd', 'Healthcheck',
    'ArgsEscaped', 'Image', 'Volumes', 'WorkingDir', 'Entrypoint', 'NetworkDisabled', 'MacAddress', 'OnBuild', 'StopSignal', 'StopTimeout', 'Shell', 'name', 'platform',
  ].map((name) => [name, free])),
  Labels: labels,
  NetworkingConfig: endpoints,
};

const HOST: Fields = {
  ...Object.fromEntries([
    'Memory', 'MemorySwap', 'MemoryReservation', 'MemorySwappiness', 'KernelMemory', 'NanoCpus', 'CpuShares', 'CpuPeriod', 'CpuQuota', 'CpusetCpus', 'CpusetMems', 'CpuCount', 'CpuPercent',
    'BlkioWeight', 'PidsLimit', 'Ulimits', 'ShmSize', 'Tmpfs', 'Init', 'AutoRemove', 'RestartPolicy', 'ReadonlyRootfs', 'CapDrop', 'GroupAdd', 'ExtraHosts', 'Dns', 'DnsOptions', 'DnsSearch',
    'ConsoleSize', 'IOMaximumIOps', 'IOMaximumBandwidth',
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
