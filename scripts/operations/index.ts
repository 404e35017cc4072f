import { run, Stop } from '../stop.ts';
import { backup } from './backup.ts';
import { finishEncryptionKey, rotateEncryptionKey } from './encryption-key.ts';
import { restore, restoreTo } from './restore.ts';
import { rotateSigningKey } from './signing-key.ts';
import { commandLine } from './target.ts';

/** What `npm run backup`, `restore`, `rotate-encryption-key` and `rotate-signing-key` do (docs/operations.md). */
await run(async () => {
  const { command, target, file, options } = commandLine(process.argv.slice(2));
  switch (command) {
    case 'backup':
      return backup(target, file);
    case 'restore':
      if (options.timestamp) return restoreTo(target, options.timestamp, options);
      if (file) return restore(target, file, options);
      throw new Stop(
        'Say what to restore: npm run restore -- <file>, or -- --timestamp <time> (Time Travel).',
      );
    case 'rotate-encryption-key':
      return options.finish ? finishEncryptionKey(target, options) : rotateEncryptionKey(target, options);
    case 'rotate-signing-key':
      return rotateSigningKey(target);
    default:
      throw new Stop(`There is no command "${command}".`);
  }
});
