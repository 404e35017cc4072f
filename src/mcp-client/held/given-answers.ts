import { within } from '../../protocol/patience';

/** How long answers wait for the call that asked. Milliseconds. */
const MOST_WAIT = 300_000;
/** Askers whose answers are kept, and what these weigh together, characters. */
const MOST_ASKERS = 64;
const MOST_CHARS = 8_388_608;

/** The answer to question `at` of an asking, as JSON. */
export type GivenAnswer = { at: number; text: string };

type Asker = {
  at: number;
  answers: Map<number, string>;
  taken: Set<number>;
  come: PromiseWithResolvers<void>;
};

/**
 * Answers of a client on their way to the invocation that asked, which may be in another isolate. In memory alone: what a
 * restart loses is not answered in time.
 */
export class GivenAnswers {
  private readonly askers = new Map<string, Asker>();

  /** Takes the answer to question `at` of the asking `ref`, once. @param answer as JSON */
  give(ref: string, at: number, answer: string): void {
    const asker = this.of(ref);
    const weight = [...this.askers.values()].reduce((sum, one) => sum + weightOf(one), answer.length);
    if (asker.taken.has(at) || weight > MOST_CHARS) return;
    asker.taken.add(at);
    asker.answers.set(at, answer);
    asker.come.resolve();
  }

  /** The answers that have come, each once; after `patience` milliseconds none. */
  async taken(ref: string, patience: number): Promise<GivenAnswer[]> {
    const asker = this.of(ref);
    if (!asker.answers.size) await within(patience, asker.come.promise);
    const come = [...asker.answers].map(([at, text]) => ({ at, text }));
    asker.answers.clear();
    asker.come = Promise.withResolvers();
    return come;
  }

  private of(ref: string): Asker {
    const now = Date.now();
    for (const [name, { at }] of this.askers) if (at + MOST_WAIT <= now) this.askers.delete(name);
    const asker = this.askers.get(ref) ?? {
      at: now,
      answers: new Map(),
      taken: new Set(),
      come: Promise.withResolvers(),
    };
    this.askers.delete(ref);
    this.askers.set(ref, asker);
    if (this.askers.size > MOST_ASKERS) this.askers.delete(this.askers.keys().next().value as string);
    return asker;
  }
}

const weightOf = ({ answers }: Asker) => [...answers.values()].reduce((sum, text) => sum + text.length, 0);
