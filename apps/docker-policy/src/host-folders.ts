import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const MAX_LINKS = 40;

/** A folder of the host, and where it is here. */
interface Mount {
  readonly Source: string;
  readonly Destination: string;
}

/**
 * The host's folders as far as they can be seen from here. A path is followed link by link, each of which counts on the
 * host and not where we are: what a link points at need not be here, and what has its name here may be something else.
 */
export class HostFolders {
  readonly #mounts: readonly Mount[];

  private constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts;
  }

  /** On the host itself. */
  static all(): HostFolders {
    return new HostFolders([{ Source: '/', Destination: '/' }]);
  }

  /** In a container of the host. */
  static mounted(mounts: readonly Mount[]): HostFolders {
    // The nearest comes first.
    return new HostFolders([...mounts].sort((one, other) => other.Source.length - one.Source.length));
  }

  /**
   * Where an absolute path of the host leads; what is not there yet keeps its name. undefined: something on the way
   * cannot be seen, is not ours to look at, or leads in a circle.
   */
  resolve(path: string): string | undefined {
    let at = '/';
    let links = 0;
    const names = namesOf(path);
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const next = name === '..' ? dirname(at) : join(at, name);
      const target = this.#linkAt(next);
      if (target === 'hidden' || (target !== undefined && ++links > MAX_LINKS)) return undefined;
      if (target === 'nothing') return join(next, ...names);
      if (target === undefined) at = next;
      else {
        if (target.to.startsWith('/')) at = '/';
        names.unshift(...namesOf(target.to));
      }
    }
    return at;
  }

  /** undefined: it is no link. */
  #linkAt(path: string): { readonly to: string } | 'nothing' | 'hidden' | undefined {
    const mount = this.#mounts.find(({ Source }) => isWithin(path, Source));
    // Above what is mounted lie folders of the host's own administrator.
    if (mount === undefined) return this.#mounts.some(({ Source }) => isWithin(Source, path)) ? undefined : 'hidden';
    const here = join(mount.Destination, path.slice(mount.Source.length));
    try {
      return lstatSync(here).isSymbolicLink() ? { to: readlinkSync(here) } : undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nothing' : 'hidden';
    }
  }
}

/** Where a process runs: on the host, in a container that the engine knows, or in one of which nothing is known. */
export type Place = 'host' | 'unknown' | { readonly container: string };

/**
 * By what engines mount into each container (`/proc/self/mountinfo`), Docker's and Podman's. A root of layers, or the
 * `container` of the environment, means a container: one that cannot be told is not taken for the host.
 */
export function placeOf(mountInfo: string, environment: { readonly container?: string }): Place {
  const id = /\/(?:overlay-)?containers\/([0-9a-f]{64})\/(?:userdata\/)?(?:hostname|hosts|resolv\.conf) /.exec(mountInfo)?.[1];
  if (id !== undefined) return { container: id };
  const root = mountInfo.split('\n').map((line) => line.split(' ')).find((fields) => fields[4] === '/');
  const isLayered = /overlay|aufs/.test(root?.[(root.indexOf('-') || -1) + 1] ?? '');
  return isLayered || environment.container !== undefined ? 'unknown' : 'host';
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');

const isWithin = (path: string, folder: string): boolean => folder === '/' || path === folder || path.startsWith(`${folder}/`);
