import { type Context, Hono } from 'hono';
import type { App } from '../../config';
import { browserSession, carrySession } from '../../identity/browser-session';
import { formOf } from '../../ui/fields';
import { PageProblem } from '../../ui/layout';
import { api } from '../api';
import { type ApiRefusal, refusalOf } from '../api/error';
import type { ApiReason } from '../api/refusal-words';
import { Page } from '../api/request';
import { type Asked, askedOf } from '../api/servers/asked';
import { type Labels, refusalWords } from './words/refusals';

/** What a page sends along to the API that answers in its place: our variables, read once a request. */
const carried = new WeakMap<Request, App['Variables']>();

/** The management API, asked in this isolate: pages do nothing that it does not do, by the same rules. */
const inner = new Hono<App>()
  .use(async (c, next) => {
    for (const [name, value] of Object.entries(carried.get(c.req.raw) ?? {}))
      c.set(name as never, value as never);
    await next();
  })
  .route('/api', api)
  .onError((error) => {
    throw error;
  });

/** What the API answers to a write: its whole body, or what it refuses. */
export type Acted<T> = { ok: true; body: T; asked?: Asked | undefined } | Refused;

/** What was refused, in words, with the dotted name of the member at fault. */
export type Refused = {
  ok: false;
  status: number;
  message: string;
  field: string;
  /** The API's; undefined: the page itself refuses. */
  reason?: ApiReason | undefined;
};

/** What the API answered, and why not, as data. */
type Sent = { response: Response; refusal: ApiRefusal | undefined; asked: Asked | undefined };

/** Asks the API as the browser of this request. @param csrf the value of the form, for writes. */
export async function send(c: Context<App>, path: string, init: RequestInit, csrf = ''): Promise<Sent> {
  const url = new URL(`/api${path}`, c.req.url);
  const headers = new Headers(init.headers);
  for (const name of ['cookie', 'origin', 'sec-fetch-site', 'cf-connecting-ip', 'cf-access-jwt-assertion']) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  if (/^[\x21-\x7e]+$/.test(csrf)) headers.set('x-csrf-token', csrf); // no other can be right, nor stand in a header
  const request = new Request(url, { ...init, headers });
  carried.set(request, c.var);
  carrySession(request, await browserSession(c));
  const response = await inner.fetch(request, c.env, c.executionCtx);
  return { response, refusal: refusalOf(request), asked: askedOf(request) };
}

/** Reads from the API. @throws PageProblem when there is no such thing any more. */
export async function read<T>(c: Context<App>, path: string): Promise<T> {
  const { response, refusal } = await send(c, path, {});
  if (response.ok) return response.json();
  throw new PageProblem({
    status: response.status,
    title: response.status === 404 ? 'This no longer exists' : 'This can’t be shown',
    text: saidOf(refusal, UNNAMED),
    way: { href: '/admin', label: 'To the overview' },
  });
}

/**
 * Changes something through the API. A refusal is a value: the page shows it beside the field it is about.
 * @param labels what the page calls the members it sends
 */
export async function act<T = Record<string, unknown>>(
  c: Context<App>,
  form: FormFields,
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  labels: Labels = UNNAMED,
): Promise<Acted<T>> {
  const init = {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  };
  const { response, refusal, asked } = await send(c, path, init, form.get('csrf') ?? '');
  noteAct(c, response.ok);
  const text = await response.text();
  if (response.ok) return { ok: true, body: text ? JSON.parse(text) : {}, asked };
  return {
    ok: false,
    status: response.status,
    message: saidOf(refusal, labels),
    field: refusal?.field ?? '',
    reason: refusal?.reason,
  };
}

/** Of a page that sends nothing it has names for. */
const UNNAMED: Labels = () => undefined;

function saidOf(refusal: ApiRefusal | undefined, labels: Labels): string {
  return refusal ? refusalWords(refusal, labels) : 'It was refused.';
}

/**
 * Which part of a list a page shows; what makes no sense in the address is the beginning of the whole. A page of rows that a list
 * shows much of stays under 30 KB with fewer of them.
 */
export function listPage(c: Context<App>, limit = 30): Page {
  return { ...partAsked(c.req.query()), limit };
}

/** The same, of the values of an address or a form. */
export function partAsked({ search, offset }: Partial<Record<string, string>>): Omit<Page, 'limit'> {
  const asked = Page.safeParse({ ...(search && { search }), ...(offset && { offset }) });
  return asked.success ? asked.data : { search: '', offset: 0 };
}

/** What a page says of a thing that is not there. */
export function gone(text: string, way: { href: string; label: string }): PageProblem {
  return new PageProblem({ status: 404, title: 'This no longer exists', text, way });
}

/** What became of the acts of a request so far. */
const acts = new WeakMap<Request, { wasDone: boolean; wasRefused: boolean }>();

/** Notes that a form had an effect, or that it was refused one. */
export function noteAct(c: Context<App>, isDone: boolean): void {
  const { wasDone, wasRefused } = actsOf(c);
  acts.set(c.req.raw, { wasDone: wasDone || isDone, wasRefused: wasRefused || !isDone });
}

export function actsOf(c: Context<App>): { wasDone: boolean; wasRefused: boolean } {
  return acts.get(c.req.raw) ?? { wasDone: false, wasRefused: false };
}

/** What a form sent. */
export type FormFields = URLSearchParams;

/** Bytes of a form. */
const MOST = 262_144;

/** The form of a POST, once it was read. */
const forms = new WeakMap<Request, FormFields>();

/** The form of a POST. */
export async function readForm(c: Context<App>): Promise<FormFields> {
  const known = forms.get(c.req.raw);
  if (known) return known;
  const form = await formOf(c.req.raw, MOST);
  forms.set(c.req.raw, form);
  return form;
}
