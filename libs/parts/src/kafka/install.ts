import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PartFault } from '../part-fault.ts';

const run = promisify(execFile);

export interface KafkaInstallation {
  readonly java: string;
  /** Explicit and ordered: an archive of loaded classes is only valid for exactly this class path. */
  readonly classPath: string;
  /** Class-data archive, made at the first start; halves the start time. */
  readonly archive: string;
}

export interface KafkaInstallOptions {
  /** The broker's jars and class archive are kept here, some 60 MB. */
  readonly cacheDir: string;
  /** `deploy/kafka/pom.xml`. */
  readonly pom: string;
  readonly log?: (line: string) => void;
}

/** What of the system's packages is missing for a broker; empty when nothing is. Debian's names. */
export function missingForKafka(cacheDir: string): readonly ('openjdk-17-jre-headless' | 'maven')[] {
  const missing: ('openjdk-17-jre-headless' | 'maven')[] = [];
  if (findProgram('java') === null) missing.push('openjdk-17-jre-headless');
  if (!existsSync(jarsOf(cacheDir)) && findProgram('mvn') === null) missing.push('maven');
  return missing;
}

/**
 * Fetches the broker's jars with Maven when they are not in the cache. Fails with `kafka.java_missing`,
 * `kafka.maven_missing` or `kafka.download_failed`; never installs system packages.
 */
export async function ensureKafkaInstalled(options: KafkaInstallOptions): Promise<KafkaInstallation> {
  const java = findProgram('java');
  if (java === null) {
    throw new PartFault('kafka.java_missing', 'Kafka needs Java 17 or newer, and there is no `java` on the PATH.', 'Install it: apt-get install openjdk-17-jre-headless');
  }
  const jars = jarsOf(options.cacheDir);
  const wanted = readFileSync(options.pom, 'utf8');
  const stamp = join(jars, 'pom.xml');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) await download({ ...options, jars, stamp, wanted });
  const classPath = readdirSync(jars).filter((name) => name.endsWith('.jar')).sort().map((name) => join(jars, name)).join(delimiter);
  return { java, classPath, archive: join(options.cacheDir, 'classes.jsa') };
}

async function download(place: KafkaInstallOptions & { jars: string; stamp: string; wanted: string }): Promise<void> {
  const mvn = findProgram('mvn');
  if (mvn === null) {
    throw new PartFault('kafka.maven_missing', 'The Kafka broker is fetched with Maven, and there is no `mvn` on the PATH.', 'Install it: apt-get install maven');
  }
  place.log?.('fetching the Kafka broker with Maven (once) …');
  // Beside and renamed when complete: an interrupted download leaves nothing that looks like a broker.
  const incoming = `${place.jars}.${process.pid}`;
  mkdirSync(incoming, { recursive: true });
  try {
    await run(mvn, ['-q', '-B', '-f', place.pom, 'dependency:copy-dependencies', `-DoutputDirectory=${incoming}`], { maxBuffer: 16 << 20 });
  } catch (cause) {
    rmSync(incoming, { recursive: true, force: true });
    const said = (cause as { stdout?: string }).stdout?.split('\n').find((line) => line.startsWith('[ERROR]')) ?? String(cause);
    throw new PartFault('kafka.download_failed', `Maven could not fetch the Kafka broker: ${said}`, 'Check that this machine reaches a Maven repository (~/.m2/settings.xml names mirrors and proxies).', { cause });
  }
  writeFileSync(join(incoming, 'pom.xml'), place.wanted);
  rmSync(place.jars, { recursive: true, force: true });
  rmSync(join(place.cacheDir, 'classes.jsa'), { force: true });
  renameSync(incoming, place.jars);
}

const jarsOf = (cacheDir: string): string => join(cacheDir, 'jars');

function findProgram(name: string): string | null {
  const home = process.env['JAVA_HOME'];
  const folders = [...(name === 'java' && home !== undefined ? [join(home, 'bin')] : []), ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const folder of folders) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
