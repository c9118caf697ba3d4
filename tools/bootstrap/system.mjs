// Parts that no npm package carries (Java and Maven for the Kafka broker, Chromium for the page's tests): through the
// system's package manager where we may, else said exactly.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { say } from './install.mjs';

export const SYSTEM_PARTS = {
  java: { name: 'Java (17 or newer), for the Kafka broker', commands: ['java'], packages: ['openjdk-17-jre-headless'] },
  maven: { name: 'Maven, which fetches the Kafka broker', commands: ['mvn'], packages: ['maven'] },
  docker: { name: 'A Docker engine', commands: ['docker', 'dockerd'], packages: ['docker.io', 'iptables'] },
  compose: { name: 'docker-compose', commands: ['docker-compose'], packages: ['docker-compose'] },
  busybox: { name: 'busybox, of which the tests make an image', commands: ['busybox'], packages: ['busybox-static'] },
  ssh: { name: 'An SSH server and client, for git over ssh', commands: ['sshd', 'ssh'], packages: ['openssh-server', 'openssh-client'] },
  git: { name: 'git', commands: ['git'], packages: ['git'] },
  debootstrap: { name: 'debootstrap, which makes the base image where no registry is', commands: ['debootstrap'], packages: ['debootstrap'] },
  network: { name: 'ip, for network namespaces', commands: ['ip', 'nsenter'], packages: ['iproute2', 'util-linux'] },
  chromium: { name: 'Chromium, for the tests of the page', commands: ['chromium'], packages: ['chromium', 'fonts-nanum'] },
};

const has = (command) => [...(process.env.PATH ?? '').split(':'), '/usr/sbin'].some((folder) => folder !== '' && existsSync(`${folder}/${command}`));

/** Installs what is missing; answers the parts that could not be had, each with what to do by hand. */
export function installSystemParts(names) {
  const missing = names.filter((name) => !SYSTEM_PARTS[name].commands.every(has));
  if (missing.length === 0) return [];
  const packages = missing.flatMap((name) => SYSTEM_PARTS[name].packages);
  if (has('apt-get') && process.getuid?.() === 0) {
    say(`installing ${missing.map((name) => SYSTEM_PARTS[name].name).join('; ')} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
    if (!apt(['install', '-y', '-qq', '--no-install-recommends', ...packages])) {
      apt(['update', '-qq']);
      apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
    }
  }
  const left = missing.filter((name) => !SYSTEM_PARTS[name].commands.every(has));
  return left.map((name) => ({
    part: name,
    sentence: `${SYSTEM_PARTS[name].name} is missing, and cannot be installed from here.`,
    remedy: `Install it by hand: apt-get install ${SYSTEM_PARTS[name].packages.join(' ')} (or your system's packages of these names).`,
  }));
}
