import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

/** Installs the packages of the folder `home` where they are not as its lock file has them. */
export function installPackages(home: string): void {
  const [wanted, there] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    statSync(join(home, file), { throwIfNoEntry: false }),
  );
  if (wanted && there && there.mtimeMs > wanted.mtimeMs) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: home, stdio: 'inherit' });
}
