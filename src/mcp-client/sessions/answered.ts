import type { ObjectState } from '../../schema/object-state';
import { MOST_ASKED } from '../questions/relayed-id';

const PREFIX = 'answered:';

/** The questions of servers that a client session has answered: each goes to its server once (PROTOCOL §4). */
export class AnsweredQuestions {
  constructor(private readonly kv: ObjectState) {}

  /** False when it was answered before. @param question its name */
  take(question: string): boolean {
    const key = `${PREFIX}${question}`;
    if (this.kv.get(key) !== undefined) return false;
    this.kv.put(key, Date.now());
    return true;
  }

  /** An answer that did not reach its server may come again. */
  giveBack(question: string): void {
    this.kv.delete(`${PREFIX}${question}`);
  }

  /** Forgets questions that no one can answer any more. */
  forgetOld(now: number): void {
    for (const [key, at] of this.kv.list<number>(PREFIX)) if (at + MOST_ASKED <= now) this.kv.delete(key);
  }
}
