import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DockerEngine, startDockerEngine } from '@dagbook/parts';
import Docker from 'dockerode';

export interface EngineRig {
  readonly engine: DockerEngine;
  readonly docker: Docker;
  /** Made of this machine's busybox: no registry is needed. */
  readonly image: 'busybox:test';
  close(): Promise<void>;
}

const PROGRAMS = ['sh', 'cat', 'dd', 'echo', 'env', 'grep', 'head', 'id', 'kill', 'ls', 'printf', 'pwd', 'seq', 'sleep', 'tail', 'touch', 'tr', 'true', 'yes'];

/** A Docker engine of this test's own, with one image. */
export async function startEngineRig(): Promise<EngineRig> {
  // Directly below /tmp: a socket's path is short.
  const dir = mkdtempSync('/tmp/dagbook-docker-');
  const engine = await startDockerEngine({ dir });
  const docker = new Docker({ socketPath: engine.address.slice('unix://'.length) });
  await docker.importImage(rootFileSystem(join(dir, 'root')), { repo: 'busybox', tag: 'test' }).then((stream) => new Promise((resolve, reject) => stream.on('error', reject).on('end', resolve).resume()));
  return {
    engine, docker, image: 'busybox:test',
    close: async () => {
      await engine.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function rootFileSystem(root: string): string {
  for (const folder of ['bin', 'etc', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);
  if (busybox === undefined) throw new Error('the Docker tests need busybox: apt-get install busybox-static');
  copyFileSync(busybox, join(root, 'bin', 'busybox'));
  for (const name of PROGRAMS) symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\netl:x:1234:1234::/tmp:/bin/sh\n');
  execFileSync('tar', ['-C', root, '-cf', `${root}.tar`, '.']);
  return `${root}.tar`;
}
