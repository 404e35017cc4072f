/** Ends a command with a sentence for the person who ran it: what happened, and what to do. Never a stack. */
export class Stop extends Error {
  override readonly name = 'Stop';
}

/** Refuses arguments of a command that takes none. @param instead what to do in their place @throws Stop */
export function requireNoArguments(instead = ''): void {
  const [first] = process.argv.slice(2);
  if (first !== undefined) throw new Stop(`There is no argument ${first}. ${instead}`.trim());
}

/** Runs a command's main function: a {@link Stop} is printed as it is, anything else is our own mistake and shows its stack. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
