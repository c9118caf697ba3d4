import { describe, expect, test } from 'vitest';
import { judgeContainer } from './container-rule.ts';
import { admitRequest, judgeContentType, judgeImage, judgeKnown } from './engine-request.ts';
import { readSitePolicy, STRICTEST, type SitePolicy } from './site-policy.ts';

const asWritten = (path: string): string | undefined => path;
const allowing = (policy: Partial<SitePolicy>): SitePolicy => ({ ...STRICTEST, ...policy });
const judge = (host: object, policy: SitePolicy = STRICTEST, resolve = asWritten): string | undefined => judgeContainer({ Image: 'etl', HostConfig: host }, policy, resolve);

describe('what the strictest policy refuses, and the policy that allows it', () => {
  test.each<[object, Partial<SitePolicy> | null]>([
    [{ Privileged: true }, { privileged: true }],
    [{ NetworkMode: 'host' }, { hostNetwork: true }],
    [{ NetworkMode: 'etl' }, { networks: ['etl'] }],
    [{ NetworkMode: 'etl' }, { networks: ['*'] }],
    [{ NetworkMode: 'container:db' }, null],
    [{ PidMode: 'host' }, { hostPid: true }],
    [{ PidMode: 'container:db' }, null],
    [{ IpcMode: 'host' }, { hostIpc: true }],
    [{ UTSMode: 'host' }, null],
    [{ UsernsMode: 'host' }, null],
    [{ CgroupnsMode: 'host' }, null],
    [{ CgroupParent: '/' }, null],
    [{ CapAdd: ['SYS_ADMIN'] }, { capAdd: ['SYS_ADMIN'] }],
    [{ CapAdd: ['CAP_SYS_ADMIN'] }, { capAdd: ['sys_admin'] }],
    [{ Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] }, { devices: ['/dev/sda'] }],
    [{ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }, { gpus: true }],
    [{ DeviceCgroupRules: ['c 1:3 rwm'] }, null],
    [{ PortBindings: { '80/tcp': [{ HostPort: '80' }] } }, { publishPorts: true }],
    [{ PublishAllPorts: true }, { publishPorts: true }],
    [{ SecurityOpt: ['seccomp=unconfined'] }, null],
    [{ SecurityOpt: ['no-new-privileges', 'apparmor=unconfined'] }, null],
    [{ Binds: ['/data:/data'] }, { binds: ['/data'] }],
    [{ Binds: ['/data/raw/:/data:ro'] }, { readOnlyBinds: ['/data/'] }],
    [{ Binds: ['warehouse:/data'] }, { volumes: ['warehouse'] }],
    [{ Mounts: [{ Type: 'bind', Source: '/data/out', Target: '/out' }] }, { binds: ['/data'] }],
    [{ Mounts: [{ Type: 'volume', Source: 'warehouse', Target: '/w' }] }, { volumes: ['*'] }],
    [{ Mounts: [{ Type: 'volume', Source: '', Target: '/w', VolumeOptions: { DriverConfig: { Options: { type: 'none', o: 'bind', device: '/' } } } }] }, null],
    [{ Mounts: [{ Type: 'bind', Source: '/data', Target: '/d', BindOptions: { Propagation: 'rshared' } }] }, null],
    [{ Mounts: [{ Type: 'npipe', Source: 'x', Target: '/d' }] }, null],
    [{ VolumesFrom: ['postgres'] }, null],
    [{ VolumeDriver: 'nfs' }, null],
    [{ Sysctls: { 'kernel.core_pattern': '|/x' } }, null],
    [{ Runtime: 'other' }, null],
    [{ MaskedPaths: [] }, null],
    [{ ReadonlyPaths: [] }, null],
    [{ OomScoreAdj: -1000 }, null],
    [{ LogConfig: { Type: 'syslog', Config: {} } }, null],
    [{ DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['vendor.com/device=all'] }] }, null],
    [{ Annotations: { 'org.systemd.property.DevicePolicy': "'auto'" } }, null],
    [{ NetworkMode: 'c847de017412' }, { networks: ['c847de017412'] }],
    [{ NetworkMode: 'ns:/proc/1/ns/net' }, { networks: ['ns:/proc/1/ns/net'] }],
    [{ Binds: ['/data:/x:rshared'] }, null],
    // An engine reads names in any case, and may learn new ones.
    [{ privileged: true }, null],
    [{ maskedpaths: [] }, null],
    [{ 'Ma\u017FkedPaths': [] }, null],
    [{ LogConfig: { Type: 'json-file', type: 'syslog' } }, null],
    [{ Mounts: [{ Type: 'bind', Source: '/data', Target: '/x', ReadOnly: true, readonly: false }] }, null],
    [{ Devices: [{ PathOnHost: '/dev/null', pathonhost: '/dev/sda', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }] }, null],
    [{ SomethingNew: true }, null],
  ])('%j', (host, policy) => {
    expect(judge(host)).toMatch(/^HostConfig\.\S+ is .*, but .*: .*/);
    const everything = allowing({ privileged: true, hostNetwork: true, hostPid: true, hostIpc: true, publishPorts: true, gpus: true, devices: ['/dev/null'], capAdd: ['NET_ADMIN'], binds: ['/data'], readOnlyBinds: ['/'], volumes: ['*'], networks: ['*'] });
    expect(judge(host, policy === null ? everything : allowing(policy))).toEqual(policy === null ? expect.any(String) : undefined);
  });
});

test('the sentence names field, value, rule and remedy', () => {
  expect(judge({ Privileged: true })).toBe('HostConfig.Privileged is true, but a privileged container owns the host: leave it out, or have the site\'s Docker policy say "privileged": true');
  expect(judge({ Binds: ['/etc:/etc'] }, allowing({ binds: ['/data'] }))).toBe('HostConfig.Binds is "/etc:/etc", but this folder of the host may not be mounted with the right to write: leave it out, or have the site\'s Docker policy say "binds": ["/etc"]');
});

test('what a task of the docker operator and a `docker run` with defaults send is allowed', () => {
  const operator = { Init: true, AutoRemove: false, SecurityOpt: ['no-new-privileges'], LogConfig: { Type: 'json-file', Config: {} }, Mounts: [], Memory: 1, MemorySwap: 1, NanoCpus: 1 };
  const command = { Binds: null, ContainerIDFile: '', LogConfig: { Type: '', Config: {} }, NetworkMode: 'default', PortBindings: {}, RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, VolumeDriver: '', VolumesFrom: null, CapAdd: null, IpcMode: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false, UTSMode: '', UsernsMode: '', ShmSize: 0, Isolation: '', CgroupParent: '', BlkioDeviceReadBps: [], Devices: [], DeviceRequests: null, MemorySwappiness: -1, OomKillDisable: false, MaskedPaths: null, ReadonlyPaths: null };
  expect([judge(operator), judge(command)]).toEqual([undefined, undefined]);
});

test('a folder is judged by where its links lead', () => {
  const policy = allowing({ binds: ['/data'] });
  const leads = (to: string) => (path: string): string => path.replace('/data/link', to);
  expect(judge({ Binds: ['/data/link:/x'] }, policy, leads('/etc'))).toMatch(/which leads to \/etc,/);
  expect(judge({ Binds: ['/data/link:/x'] }, policy, leads('/data/real'))).toBeUndefined();
  expect(judge({ Binds: ['/data/../etc:/x'] }, policy)).toMatch(/may not hold '\.\.'/);
  expect(judge({ Binds: ['/database:/x'] }, policy)).toMatch(/may not be mounted/);
});

test('a folder whose links cannot be seen is mounted only where tasks cannot have made one', () => {
  const policy = allowing({ binds: ['/data'], readOnlyBinds: ['/etc', '/in'] });
  const seen = (path: string): string | undefined => (path === '/in' ? path : undefined);
  expect(judge({ Binds: ['/data/x:/x'] }, policy, seen)).toBe('HostConfig.Binds is "/data/x:/x", but where its links lead cannot be seen by docker-policy: mount the folder into docker-policy too, read-only, and see that its user may look into it');
  expect(judge({ Binds: ['/data/x:/x:ro'] }, policy, seen)).toMatch(/cannot be seen/);
  expect(judge({ Binds: ['/in/link:/x:ro'] }, policy, seen)).toMatch(/cannot be seen/);
  expect(judge({ Binds: ['/etc/ssl:/x:ro'] }, policy, seen)).toBeUndefined();
});

test("a container cannot be given the mark of Dagbook's own", () => {
  expect(judgeContainer({ Image: 'etl', Labels: { 'dagbook.service': 'x' } }, STRICTEST, asWritten)).toMatch(/^Labels\.dagbook\.service is "x", but /);
  expect(judgeContainer({ Image: 'etl', Labels: { 'dagbook.dag': 'x' } }, STRICTEST, asWritten)).toBeUndefined();
});

test.each([
  ['GET', '/_ping'], ['GET', '/v1.41/containers/json?all=1'], ['POST', '/v1.41/images/create?fromImage=registry:5000/etl&tag=1'], ['GET', '/images/registry:5000/team/etl:1/json'],
])('%s %s passes', (method, url) => expect(admitRequest(method, url)).toEqual({ kind: 'pass' }));

test.each([
  ['POST', '/build'], ['POST', '/v1.41/volumes/create'], ['POST', '/containers/prune'], ['PUT', '/containers/x/archive?path=/'], ['POST', '/containers/x/update'], ['POST', '/swarm/init'], ['POST', '/plugins/pull'],
  ['POST', '/images/load'], ['POST', '/images/create?fromSrc=-'], ['POST', '/images/create'], ['POST', '/images/create?fromImage=x&a=?&fromSrc=-'], ['POST', '/images/create?fromImage=x&%66romSrc=-'], ['POST', 'http://x/build'], ['GET', '/containers/../images/json'], ['GET', '/containers/%2e%2e/json'], ['POST', '//containers/create'], ['POST', '/v1.23/containers/x/start'],
  ['post', '/containers/create'], ['GET', '/secrets'], ['POST', '/session'],
])('%s %s is refused', (method, url) => expect(admitRequest(method, url).kind).toBe('refuse'));

test('the containers and images of Dagbook itself are out of reach, and what holds more of the host than tasks may is not entered', () => {
  const own = { name: 'p', labels: { 'dagbook.service': 'docker-policy' }, hostConfig: {}, mounts: [] };
  const powerful = { name: 'p', labels: {}, hostConfig: { Privileged: true }, mounts: [] };
  const holding = { name: 'portainer', labels: {}, hostConfig: {}, mounts: [{ Type: 'volume', Source: '/var/lib/docker/volumes/x/_data', RW: true }, { Type: 'bind', Source: '/var/run/docker.sock', RW: true }] };
  expect(judgeKnown('p', own, false, STRICTEST, asWritten)).toMatch(/Dagbook's own service docker-policy/);
  expect(judgeKnown('p', own, true, allowing({ enter: ['*'] }), asWritten)).toMatch(/Dagbook's own service docker-policy/);
  expect(judgeKnown('p', powerful, true, STRICTEST, asWritten)).toMatch(/may not be entered by tasks: its HostConfig\.Privileged is true.* let the policy say "enter": \["p"\]$/);
  expect(judgeKnown('p', powerful, false, STRICTEST, asWritten)).toBeUndefined();
  expect(judgeKnown('c0ffee', holding, true, STRICTEST, asWritten)).toMatch(/^the container c0ffee may not be entered by tasks: its Mounts\.Source is "\/var\/run\/docker\.sock", but this folder of the host may not be mounted/);
  expect([allowing({ enter: ['portainer'] }), allowing({ binds: ['/var/run'] })].map((policy) => judgeKnown('c0ffee', holding, true, policy, asWritten))).toEqual([undefined, undefined]);
  expect([judgeImage('x', 'sha256:1', ['sha256:1']), judgeImage('x', 'sha256:2', ['sha256:1'])]).toEqual(['the image is "x", but Dagbook\'s own services run from it: remove another', undefined]);
});

test.each([[undefined, true], ['application/json', true], ['application/json; charset=utf-8', true], ['text/plain', true], ['application/x-www-form-urlencoded', false], ['multipart/form-data; boundary=x', false], ['application/jsonx', false]])(
  'a body that calls itself %s: %s', (type, passes) => expect(judgeContentType(type) === undefined).toBe(passes),
);

test('a policy with a slip is refused, each with a sentence', () => {
  expect(readSitePolicy({ privilege: true, binds: ['data', '/a/../b', '/'], hostPid: 'yes' })).toEqual({
    problems: [
      `privilege is no field of the policy: there are ${Object.keys(STRICTEST).join(', ')}`,
      'binds holds "data", but each must be an absolute path below / and without \'..\'',
      'binds holds "/a/../b", but each must be an absolute path below / and without \'..\'',
      'binds holds "/", but each must be an absolute path below / and without \'..\'',
      'hostPid is "yes", but must be true or false',
    ],
  });
  expect(readSitePolicy({ binds: ['/data'] })).toEqual({ ...STRICTEST, binds: ['/data'] });
});
