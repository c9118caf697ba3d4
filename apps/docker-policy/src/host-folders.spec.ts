import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { HostFolders, placeOf } from './host-folders.ts';

// What a container sees of a host whose /srv/data and /srv/data/deep are mounted into it.
const here = mkdtempSync(join(tmpdir(), 'dagbook-folders-'));
const [data, deep] = [join(here, 'a'), join(here, 'b')];
for (const folder of [data, deep, join(data, 'plain'), join(data, 'deep')]) mkdirSync(folder);
writeFileSync(join(data, 'file'), '');
for (const [link, target] of [['to-etc', '/etc'], ['to-root', '/root/.ssh'], ['to-plain', 'plain'], ['up', '../../home'], ['twice', 'to-plain/../to-root'], ['round', 'round'], ['into-deep', '/srv/data/deep/x']] as const) symlinkSync(target, join(data, link));
symlinkSync('/srv/data/plain', join(deep, 'back'));
afterAll(() => rmSync(here, { recursive: true }));

const seen = HostFolders.mounted([{ Source: '/srv/data', Destination: data }, { Source: '/srv/data/deep', Destination: deep }]);

test.each([
  ['/srv/data', '/srv/data'], ['/srv/data/plain/', '/srv/data/plain'], ['/srv//data/./plain', '/srv/data/plain'], ['/srv/data/not/yet', '/srv/data/not/yet'],
  ['/srv/data/to-plain', '/srv/data/plain'], ['/srv/data/to-plain/x', '/srv/data/plain/x'], ['/srv/data/deep/back', '/srv/data/plain'], ['/srv/data/into-deep', '/srv/data/deep/x'],
  // What is on the host there cannot be known, whatever has this name here, and whether or not anything has.
  ['/srv/data/to-etc', undefined], ['/srv/data/to-root', undefined], ['/srv/data/up', undefined], ['/srv/data/twice', undefined], ['/etc', undefined], ['/srv/database', undefined],
  ['/srv/data/round', undefined], ['/srv/data/file/x', undefined],
])('%s leads to %s', (path, to) => expect(seen.resolve(path)).toBe(to));

test('on the host itself all is seen, and what is not there yet keeps its name', () => {
  const all = HostFolders.all();
  expect(all.resolve(join(data, 'to-etc', 'passwd'))).toBe('/etc/passwd');
  expect(all.resolve(join(data, 'to-plain', 'new'))).toBe(join(data, 'plain', 'new'));
  expect(all.resolve('/')).toBe('/');
});

test('a process knows its container by what is mounted into it, and takes none that it cannot tell for the host', () => {
  const id = 'c0ffee'.padEnd(64, '0');
  const layers = '711 704 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/x';
  const disk = '24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw';
  const inDocker = `712 704 254:1 /var/lib/docker/containers/${id}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw`;
  const inPodman = `712 704 254:1 /containers/storage/overlay-containers/${id}/userdata/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw`;
  const inPod = '712 704 254:1 /var/lib/kubelet/pods/1-2/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw';
  expect([[layers, inDocker], [disk, inDocker], [layers, inPodman]].map((lines) => placeOf(lines.join('\n'), {}))).toEqual([{ container: id }, { container: id }, { container: id }]);
  expect([placeOf(`${layers}\n${inPod}`, {}), placeOf(disk, { container: 'podman' }), placeOf(`${disk}\n`, {})]).toEqual(['unknown', 'unknown', 'host']);
});
