import { createHash } from 'node:crypto';
import { createRequire, SourceMap } from 'node:module';
import { isAbsolute, join, relative } from 'node:path';
import type { PackedBundle } from '@dagbook/contracts';
import type { ImportError } from '@dagbook/domain';
import type { BundlePackages } from './bundle-packages.ts';
import type { BuildFailure, BuildResult, Message, OutputFile } from 'esbuild';

export interface Bundled {
  readonly kind: 'bundled';
  readonly bundle: PackedBundle;
  /** Absolute paths of everything that went in. */
  readonly inputs: readonly string[];
  /** Whether the SDK is imported anywhere: what never does cannot hold a DAG. */
  readonly importsSdk: boolean;
}

export interface Unbundled {
  readonly kind: 'unbundled';
  readonly error: ImportError;
  /** What was read before it failed: a change of these is worth another try. */
  readonly inputs: readonly string[];
}

type Bundling = Bundled | Unbundled;

/** A bundle beyond this has taken data for code. */
const BUNDLE_LIMIT_BYTES = 20 * 1024 * 1024;
/** Files built together share the reading of what they import; a few hundred bound what a failure repeats. */
const BATCH = 250;

/** Data beside a DAG may be imported: it becomes part of the bundle, so a worker needs no copy of the folder. */
const LOADERS = { '.csv': 'text', '.sql': 'text', '.txt': 'text', '.sh': 'text', '.py': 'text', '.html': 'text' } as const;

/** Old npm packages reach for `require`, which an ES module has not. */
const REQUIRE = 'import { createRequire as __dagbookRequire } from "node:module"; const require = __dagbookRequire(import.meta.url);';

/** Where packages are looked for after the folder's own: a DAG folder without a node_modules still finds what Dagbook has, zod above all. */
const NODE_PATHS = createRequire(import.meta.url).resolve.paths('zod') ?? [];

/**
 * Packs DAG files, each with all it imports, into ES modules in which only `@dagbook/sdk` and Node's own modules are
 * left as imports. The same content gives the same bytes, alone or in a batch: the hash is the version of the code.
 */
export class Bundler {
  readonly #folder: string;
  readonly #packages: Pick<BundlePackages, 'nodeModules' | 'problem'>;
  #esbuild: Promise<typeof import('esbuild')> | undefined;

  /** `folder` is absolute and free of symbolic links; `packages` are found there before those of Dagbook. */
  constructor(folder: string, packages: Pick<BundlePackages, 'nodeModules' | 'problem'> = { nodeModules: undefined, problem: undefined }) {
    this.#folder = folder;
    this.#packages = packages;
  }

  /** `files` are relative to the folder. */
  async bundle(files: readonly string[]): Promise<ReadonlyMap<string, Bundling>> {
    const results = new Map<string, Bundling>();
    for (let at = 0; at < files.length; at += BATCH) await this.#build(files.slice(at, at + BATCH), results);
    return results;
  }

  /** Ends the bundler's process; the next use starts it again. Safe twice. */
  async stop(): Promise<void> {
    const esbuild = this.#esbuild;
    this.#esbuild = undefined;
    if (esbuild !== undefined) await (await esbuild).stop();
  }

  /** One error fails a whole build without saying for which file, so a failed batch is halved until the culprits stand alone. */
  async #build(files: readonly string[], results: Map<string, Bundling>): Promise<void> {
    if (files.length === 0) return;
    this.#esbuild ??= import('esbuild');
    const { build } = await this.#esbuild;
    let built: BuildResult<{ metafile: true; write: false }>;
    try {
      built = await build({
        absWorkingDir: this.#folder, entryPoints: files.map((file) => `./${file}`), outbase: this.#folder, outdir: join(this.#folder, 'dist'),
        bundle: true, write: false, metafile: true, format: 'esm', platform: 'node', target: 'node24', external: ['@dagbook/sdk'],
        sourcemap: 'external', sourcesContent: false, nodePaths: this.#packages.nodeModules === undefined ? NODE_PATHS : [this.#packages.nodeModules, ...NODE_PATHS], loader: LOADERS, banner: { js: REQUIRE }, legalComments: 'none', logLevel: 'silent', charset: 'utf8',
      });
    } catch (failure) {
      const { errors } = failure as BuildFailure;
      if (!Array.isArray(errors)) throw failure;
      const [only] = files;
      if (files.length === 1 && only !== undefined) {
        results.set(only, this.#failed(only, errors));
        return;
      }
      const middle = Math.ceil(files.length / 2);
      await this.#build(files.slice(0, middle), results);
      await this.#build(files.slice(middle), results);
      return;
    }
    const outputs = new Map(built.outputFiles.map((output) => [relative(this.#folder, output.path), output]));
    for (const [path, meta] of Object.entries(built.metafile.outputs)) {
      if (meta.entryPoint === undefined) continue;
      const code = outputs.get(path);
      if (code === undefined) continue;
      const inputs = Object.keys(meta.inputs).map((input) => this.#absolute(input));
      results.set(meta.entryPoint, packed(meta.entryPoint, code, outputs.get(`${path}.map`), inputs, meta.imports.some((imported) => imported.path === '@dagbook/sdk')));
    }
  }

  #failed(file: string, errors: readonly Message[]): Unbundled {
    const located = errors.flatMap(({ location }) => (location === null ? [] : [this.#absolute(location.file)]));
    return { kind: 'unbundled', error: syntaxError(file, errors, this.#packages.problem), inputs: [join(this.#folder, file), ...located] };
  }

  #absolute(input: string): string {
    return isAbsolute(input) ? input : join(this.#folder, input);
  }
}

function packed(file: string, code: OutputFile, map: OutputFile | undefined, inputs: readonly string[], importsSdk: boolean): Bundling {
  if (code.contents.length > BUNDLE_LIMIT_BYTES) {
    return {
      kind: 'unbundled', inputs,
      error: { code: 'too_large', message: `${file} is ${megabytes(code.contents.length)} with all it imports; at most ${megabytes(BUNDLE_LIMIT_BYTES)} are read. Read large data inside a task instead of importing it.` },
    };
  }
  const { text } = code;
  const hash = createHash('sha256').update(file).update('\0').update(text).digest('hex');
  return { kind: 'bundled', bundle: { hash, file, code: text, ...(map === undefined ? {} : { sourceMap: map.text }) }, inputs, importsSdk };
}

function syntaxError(file: string, errors: readonly Message[], packagesProblem: string | undefined): ImportError {
  const [first] = errors;
  const location = first?.location;
  const missing = /^Could not resolve "(.+)"/.exec(first?.text ?? '')?.[1];
  const where = location !== null && location !== undefined && location.file !== file ? ` (in ${location.file}, which it imports)` : '';
  const remedy = missing === undefined
    ? 'Correct the line; the last good version stays in use until then.'
    : missing.startsWith('.') ? 'Correct the path, or add the file.'
      : packagesProblem === undefined ? `Install it beside the DAGs: npm install ${missing}.` : `${packagesProblem}.`;
  const more = errors.length > 1 ? ` ${errors.length - 1} more like it follow.` : '';
  return {
    code: 'syntax', message: `${first?.text ?? 'It cannot be read as TypeScript'}${where}.${more} ${remedy}`,
    ...(location === null || location === undefined ? {} : { line: location.line, column: location.column + 1, stack: location.lineText.slice(0, 500) }),
  };
}

export const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/** A place in a bundle's code as a place in the author's files. */
export function authorSite(bundle: PackedBundle, site: { readonly line: number; readonly column: number }): { file: string; line: number; column: number } | undefined {
  if (bundle.sourceMap === undefined) return undefined;
  const found = new SourceMap(JSON.parse(bundle.sourceMap) as ConstructorParameters<typeof SourceMap>[0]).findEntry(site.line - 1, site.column - 1);
  if (!('originalSource' in found) || found.originalSource === undefined) return undefined;
  const source = found.originalSource.startsWith('file://') ? found.originalSource : join('dist', bundle.file, '..', found.originalSource);
  return { file: source, line: found.originalLine + 1, column: found.originalColumn + 1 };
}
