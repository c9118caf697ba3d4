import { execFileSync } from 'node:child_process';

/** A wheel with one module, so that pip needs no index. */
export function writeWheel(folder: string, name: string, version: string, code: string): void {
  execFileSync('python3', ['-c', `
import sys, zipfile
name, version, code = sys.argv[1:]
info = name + "-" + version + ".dist-info/"
with zipfile.ZipFile(name + "-" + version + "-py3-none-any.whl", "w") as wheel:
    wheel.writestr(name + ".py", code)
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: " + name + "\\nVersion: " + version + "\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "".join(file + ",,\\n" for file in [name + ".py", info + "METADATA", info + "WHEEL", info + "RECORD"]))
`, name, version, code], { cwd: folder });
}
