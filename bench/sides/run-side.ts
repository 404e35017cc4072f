import { join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { ROOT } from '../../scripts/dev/state.ts';
import { childNamed } from '../measure/cpu.ts';
import { type Module, moduleOf, modulesOf } from './bundle.ts';
import { configured, type Options } from './configuration.ts';
import { addGrants } from './seed.ts';
import { COUNTS, type Command, type Plan, type Started } from './side.ts';

/**
 * One side of the benchmark, a process of its own: a Worker in Miniflare, on a socket that leads straight to it. Tells its parent where
 * it answers, and does what the parent asks of its storage.
 */
const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
const WORKERS = join(ROOT, 'bench/workers');

const { options, assets } = configured();
/** The forwarder and the peer run as the gateway does. */
const { compatibilityDate, compatibilityFlags } = options;
const RUNTIME = { compatibilityDate, compatibilityFlags };

const ours = (...names: string[]) => names.map((name) => moduleOf(join(WORKERS, name), name));

const miniflare = new Miniflare({
  ...convertV4MiniflareOptions({
    log: new Log(LogLevel.ERROR),
    cf: false,
    host: '127.0.0.1',
    port: 0,
    handleStructuredLogs: () => undefined, // a line for every call and refusal
    workers: [{ name: 'side', ...worker(), unsafeDirectSockets: [{ host: '127.0.0.1', port: plan.port }] }],
  } as Options),
  resourcePersistencePath: plan.state,
});
await miniflare.ready;
process.on('message', (command: Command) => {
  void obey(command).then((value) => process.send?.({ done: value ?? null }));
});
process.send?.({ started: { workerd: childNamed('workerd', process.pid) } satisfies Started });

function worker() {
  const { kind, upstream, variables } = plan;
  const bindings = { UPSTREAM: upstream };
  if (kind === 'forwarder') return { ...RUNTIME, modules: ours('forwarder.js'), bindings };
  if (kind === 'peer') {
    const library = 'bench/node_modules/@cloudflare/workers-oauth-provider/dist/oauth-provider.js';
    const modules = [...ours('peer.js', 'forwarder.js'), moduleOf(join(ROOT, library), 'oauth-provider.js')];
    return { ...RUNTIME, modules, bindings, kvNamespaces: { OAUTH_KV: 'peer' } };
  }
  return gateway(variables);
}

/** As wrangler.toml has it, but for secrets and `variables`; without the assets Miniflare leads the socket straight to the Worker. */
function gateway(variables: Plan['variables']) {
  const classes = Object.values(options.durableObjects);
  const counting = plan.kind === 'counted' ? [entryOf(classes), ...ours('counts.js')] : [];
  return {
    ...options,
    ...(plan.kind === 'assets' ? { assets } : {}),
    modules: [...counting, ...modulesOf(plan.bundle)],
    bindings: { ...options.bindings, ...variables },
  };
}

/** The entry of a Worker that counts: the gateway with bindings and objects that do, and `COUNTS`, which hands out what they counted. */
function entryOf(classes: readonly { className: string }[]): Module {
  const objects = classes.map(
    ({ className }) => `export const ${className} = countedObject(gateway.${className});`,
  );
  const contents = `import * as gateway from './index.js';
    import { countedEnv, countedObject, noteRequest, taken } from './counts.js';
    ${objects.join('\n')}
    export default {
      fetch(request, env, ctx) {
        if (new URL(request.url).pathname === '${COUNTS}') return Response.json(taken());
        noteRequest();
        return gateway.default.fetch(request, countedEnv(env, 'worker'), ctx);
      },
      scheduled: (event, env, ctx) => gateway.default.scheduled(event, countedEnv(env, 'worker'), ctx),
    };`;
  return { type: 'ESModule', path: 'counted.js', contents };
}

async function obey(command: Command): Promise<number | undefined> {
  if (command.ask === 'cron') {
    const worker = await miniflare.getWorker();
    await worker.scheduled({ scheduledTime: new Date(), cron: '17 * * * *' });
    return undefined;
  }
  return addGrants(await miniflare.getD1Database('DB'), command.upTo);
}
