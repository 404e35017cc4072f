import { run, Stop } from '../stop.ts';
import { finishEncryptionKey, rotateEncryptionKey } from './encryption-key.ts';
import { rotateSigningKey } from './signing-key.ts';
import { commandLine } from './target.ts';

/** What `npm run rotate-encryption-key` and `rotate-signing-key` do (docs/operations.md). */
await run(async () => {
  const { command, target, options } = commandLine(process.argv.slice(2));
  switch (command) {
    case 'rotate-encryption-key':
      return options.finish ? finishEncryptionKey(target, options) : rotateEncryptionKey(target, options);
    case 'rotate-signing-key':
      return rotateSigningKey(target);
    default:
      throw new Stop(`There is no command "${command}".`);
  }
});
