import { allowsRedirectUri } from '../clients/metadata';
import type { Settings } from '../settings';
import { PageProblem } from '../ui/layout';

/**
 * Asked before a person is sent anywhere: at authorize, and again at every step of consent, as the list may have changed
 * meanwhile.
 * @throws PageProblem when the administrator's list of callbacks does not hold `redirectUri`.
 */
export function requireAllowedRedirect(settings: Settings, redirectUri: string): void {
  if (allowsRedirectUri(settings.oauth2_server_config.allowed_redirect_uris, redirectUri)) return;
  throw new PageProblem({
    status: 400,
    title: 'This app can’t be connected',
    text: `Nothing was sent to it. Your administrator chooses which web apps can connect, and the one at ${new URL(redirectUri).host} isn’t among them. Ask them to allow it.`,
  });
}
