import type { WiredClient } from './everything-clients';

/** What a client does at a server, and what it is called. `era`: the only one that has it. */
export type Step = { title: string; era?: '2025'; run(client: WiredClient): Promise<unknown> };

const call = (name: string, args: object = {}, how = '', progress = false): Step => ({
  title: `tools/call ${name}${how && ` ${how}`}`,
  run: (client) => client.ask('tools/call', { name, arguments: args }, { progress }),
});
const ask = (method: string, params: object = {}, how = ''): Step => ({
  title: `${method}${how && ` ${how}`}`,
  run: (client) => client.ask(method, params),
});
const of2025 = (step: Step): Step => ({ ...step, era: '2025' });
/** What is heard afterwards by itself. */
const hears = (step: Step, method: string): Step => ({
  ...step,
  run: async (client) => {
    await step.run(client);
    await client.wire.hears(method, HEARD);
  },
});
/** How long a notification may take. Milliseconds. */
const HEARD = 1_000;

const text = 'demo://resource/dynamic/text/7';
const file = 'data:text/plain,hello';
const completing = (ref: object, name: string, value: string, how: string, context?: object) =>
  ask('completion/complete', { ref, argument: { name, value }, ...(context && { context }) }, how);
const template = { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' };
const prompt = (name: string) => ({ type: 'ref/prompt', name });

/** Every method of server-everything, and every tool and prompt. */
export const STEPS: readonly Step[] = [
  of2025(ask('ping')),
  hears(ask('tools/list'), 'roots/list'),
  call('echo', { message: 'häßlich 𝄞 \u2028' }),
  call('echo', { message: 1 }, 'with arguments of another type'),
  call('get-sum', { a: 2, b: 0.1 }),
  ...['error', 'success', 'debug'].map((messageType) =>
    call('get-annotated-message', { messageType, includeImage: true }, messageType),
  ),
  call('get-env'),
  call('get-resource-links', { count: 4 }),
  call('get-resource-reference', { resourceType: 'Text', resourceId: 2 }, 'text'),
  call('get-resource-reference', { resourceType: 'Blob', resourceId: 3 }, 'blob'),
  call('get-resource-reference', { resourceType: 'Text', resourceId: -1 }, 'of nothing'),
  call('get-structured-content', { location: 'Chicago' }),
  call('get-tiny-image'),
  {
    title: 'tools/call gzip-file-as-resource as a resource',
    run: (client) => {
      const params = { name: crypto.randomUUID(), data: file, outputType: 'resource' };
      return client.ask('tools/call', { name: 'gzip-file-as-resource', arguments: params });
    },
  },
  {
    title: 'tools/call gzip-file-as-resource as a link, resources/read',
    run: async (client) => {
      const name = crypto.randomUUID(); // what one session made, a session that makes the same takes away
      const params = { name, data: file, outputType: 'resourceLink' };
      await client.ask('tools/call', { name: 'gzip-file-as-resource', arguments: params });
      await client.ask('resources/read', { uri: `demo://resource/session/${name}` });
    },
  },
  call('trigger-long-running-operation', { duration: 0.4, steps: 4 }, 'with progress', true),
  call('trigger-long-running-operation', { duration: 0.2, steps: 2 }, 'without'),
  {
    title: 'tools/call trigger-long-running-operation, cancelled',
    run: async (client) => {
      const limit = new AbortController();
      // A second between one step and the next: however slow the machine is, it is cancelled after the first.
      const params = { name: 'trigger-long-running-operation', arguments: { duration: 20, steps: 20 } };
      const asked = client.ask('tools/call', params, { signal: limit.signal, progress: true });
      await client.wire.hears('notifications/progress', 10 * HEARD);
      limit.abort();
      await asked;
    },
  },
  call('no-such-tool'),
  call('get-roots-list'),
  call('trigger-elicitation-request'),
  call('trigger-url-elicitation', { url: 'https://example.com/', elicitationId: 'one', message: 'Open it' }),
  call(
    'trigger-url-elicitation',
    { url: 'https://example.com/', elicitationId: 'two', errorPath: true, message: 'Open it' },
    'by an error',
  ),
  call('trigger-sampling-request', { prompt: 'Say something', maxTokens: 10 }),
  call('simulate-research-query', { topic: 'gateways' }, 'without a task'),
  {
    title: 'tools/call simulate-research-query as a task, tasks/get, tasks/result, tasks/list, tasks/cancel',
    era: '2025',
    run: async (client) => {
      const params = {
        name: 'simulate-research-query',
        arguments: { topic: 'gateways' },
        task: { ttl: 60_000 },
      };
      await client.ask('tools/call', params);
      const taskId = client.wire.lastTask();
      await client.ask('tasks/get', { taskId });
      await client.ask('tasks/list');
      await client.ask('tasks/cancel', { taskId });
      await client.ask('tasks/get', { taskId });
    },
  },
  ask('prompts/list'),
  ask('prompts/get', { name: 'simple-prompt' }, 'simple-prompt'),
  ask('prompts/get', { name: 'args-prompt', arguments: { city: 'Rome', state: 'Italy' } }, 'args-prompt'),
  ask('prompts/get', { name: 'args-prompt', arguments: {} }, 'without what it needs'),
  ask(
    'prompts/get',
    { name: 'completable-prompt', arguments: { department: 'Sales', name: 'Eve' } },
    'completable-prompt',
  ),
  ask(
    'prompts/get',
    { name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '4' } },
    'resource-prompt',
  ),
  ask('prompts/get', { name: 'no-such-prompt' }, 'of nothing'),
  ask('resources/list'),
  ask('resources/templates/list'),
  ask('resources/read', { uri: text }, 'text'),
  ask('resources/read', { uri: 'demo://resource/dynamic/blob/8' }, 'blob'),
  ask('resources/read', { uri: 'demo://resource/static/document/features.md' }, 'file'),
  ask('resources/read', { uri: 'demo://resource/nothing' }, 'of nothing'),
  completing(prompt('completable-prompt'), 'department', 'S', 'of a prompt'),
  completing(prompt('completable-prompt'), 'name', '', 'with a context', {
    arguments: { department: 'Sales' },
  }),
  completing(prompt('resource-prompt'), 'resourceId', '3', 'of another prompt'),
  completing(template, 'resourceId', '5', 'of a template'),
  completing(prompt('no-such-prompt'), 'x', '', 'of nothing'),
  of2025(ask('logging/setLevel', { level: 'debug' })),
  hears(call('toggle-simulated-logging'), 'notifications/message'),
  call('toggle-simulated-logging', {}, 'off'),
  of2025(ask('resources/subscribe', { uri: text })),
  hears(call('toggle-subscriber-updates'), 'notifications/resources/updated'),
  call('toggle-subscriber-updates', {}, 'off'),
  of2025(ask('resources/unsubscribe', { uri: text })),
  of2025({
    title: 'notifications/roots/list_changed',
    run: (client) => client.notify('notifications/roots/list_changed'),
  }),
  of2025(ask('no/such/method')),
];
