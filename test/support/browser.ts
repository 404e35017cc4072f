import { type Answers, choosing, formFor, formsOf, textOf } from '../../demo/consent';
import { leadsTo } from '../../demo/visitor';
import { gate, ISSUER, unexpected } from './gate';

/** A page as a person's browser has it. */
export type Page = { status: number; url: string; html: string; headers: Headers };

/** What a person reads on a page, in one line. */
export const said = ({ html }: Page): string => textOf(html);

/** A person's browser: keeps cookies, follows redirects within the gateway, submits forms. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Where the gateway last sent this browser on another host: the client's callback. */
  callback: URL | null = null;

  /**
   * @param site the origin this person goes to, and whose redirects are followed
   * @param isPlain true: it runs no script
   */
  constructor(
    readonly site: string = ISSUER,
    readonly isPlain = false,
  ) {}

  /** Opens an address; the page it ends at, or null when it led away from the gateway. */
  async open(url: string | URL): Promise<Page | null> {
    return this.send(new Request(new URL(url, this.site)));
  }

  /**
   * Submits a form of `page` with the fields as they stand but for `answers`: the one that asks for a decision, or has another
   * field, or is sent to an address (`field`). By the button that has an address of its own, when its name and value are
   * among the answers.
   */
  async submit(
    page: Page,
    answers: Answers,
    headers: Record<string, string> = { origin: this.site },
    field = 'decision',
  ): Promise<Page | null> {
    const forms = this.formsOf(page);
    const form =
      field === 'decision'
        ? formFor(forms, answers)
        : forms.find(
            ({ action, controls }) => action === field || controls.some(({ name }) => name === field),
          );
    if (!form) throw unexpected(`no form asks for ${field}: ${page.url}`, page.status, said(page));
    return this.fillIn(form, page, answers, headers);
  }

  /** Submits the form of `page` that has `hidden` among its fields, of several that ask for something. */
  async submitOne(
    page: Page,
    hidden: { name: string; value: string },
    answers: Answers,
  ): Promise<Page | null> {
    const form = this.formsOf(page).find(({ controls }) =>
      controls.some(({ name, value }) => name === hidden.name && value === hidden.value),
    );
    if (!form)
      throw unexpected(`no form has ${hidden.name} ${hidden.value}: ${page.url}`, page.status, said(page));
    return this.fillIn(form, page, answers, { origin: this.site });
  }

  private formsOf({ html }: Page): ReturnType<typeof formsOf> {
    return formsOf(this.isPlain ? html.replaceAll(/<\/?noscript>/g, '') : html);
  }

  private fillIn(
    form: ReturnType<typeof formsOf>[number],
    page: Page,
    given: Answers,
    headers: Record<string, string>,
  ): Promise<Page | null> {
    const answers = choosing(given, form);
    const body = new URLSearchParams();
    for (const { name, value, isSent } of form.controls)
      if (isSent && !(name in answers)) body.append(name, value);
    for (const [name, answer] of Object.entries(answers)) {
      for (const value of answer === null ? [] : [answer].flat()) body.append(name, value);
    }
    const pressed = form.controls.find(
      ({ name, value, formAction }) => formAction && answers[name] === value,
    );
    const url = new URL(pressed?.formAction ?? form.action, page.url);
    return this.send(new Request(url, { method: 'POST', body, headers }));
  }

  /** A browser signed in as whoever knows the ADMIN_TOKEN. */
  static async administrator(site = ISSUER, at = '/admin/sign-in'): Promise<Browser> {
    const browser = new Browser(site);
    const page = await browser.open(at);
    if (!page) throw new Error(`/admin/sign-in led to ${browser.callback}`);
    await browser.submit(page, { token: 'test-admin-token-of-32-characters' }, undefined, 'token');
    return browser;
  }

  private async send(request: Request): Promise<Page | null> {
    this.callback = null;
    request.headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '));
    const response = await gate(request);
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    const location = leadsTo(response.headers);
    if (!location)
      return {
        status: response.status,
        url: request.url,
        html: await response.text(),
        headers: response.headers,
      };
    await response.body?.cancel();
    const next = new URL(location, request.url);
    if (next.origin === this.site) return this.send(new Request(next));
    this.callback = next;
    return null;
  }

  private keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (/max-age=0/i.test(cookie)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
