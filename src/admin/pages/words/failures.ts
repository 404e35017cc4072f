import { type Rewording, say } from '../../../protocol/faults/wording';
import type { FAILURE_WORDS, FailureStated } from '../../../servers/failure-words';
import type { ServerFailure } from '../../../servers/server';
import { SERVER_FAILURE_WORDS as API_WORDS } from '../../api/servers/failure-words';
import { VALUE_WORDS } from './values';

/** Why a server did not do its part: what the API says, with the page's own names for what an administrator changes. */
export const SERVER_FAILURE_WORDS: Rewording<typeof FAILURE_WORDS> = {
  ...API_WORDS,
  insufficient_scope: ({ server, scopes }) =>
    `The server ${server} wants more than the connected account allows${scopes && `: ${scopes}`}. Name scopes in the server’s settings, under More settings, then connect the account again.`,
  bad_address: ({ server, fault }) =>
    `The server ${server} could not be asked: its address ${VALUE_WORDS[fault]()}. Correct it.`,
};

export function failureWords(failure: FailureStated): string {
  return say(SERVER_FAILURE_WORDS, failure);
}

/** What went wrong with a server last. One that was noted as a sentence only, by an earlier version, is shown as it is. */
export function lastFailureWords({ stated, message }: ServerFailure): string {
  return stated ? failureWords(stated) : message;
}
