import type * as z from 'zod/mini';
import { boundedFetch, missingMember } from '../identity/provider';
import { Unavailable } from '../protocol/error';
import { FAULT_WORDS } from '../protocol/faults/words';
import { targetFault } from '../protocol/public-url';
import { followWithin, OF_DOCUMENTS } from '../protocol/redirects';
import type { Configured, Discovered } from '../servers/oauth-config';
import { defaultEndpoints, UNDOCUMENTED } from './default-endpoints';
import {
  covers,
  documentsOf,
  isSame,
  pathWithin,
  ResourceMetadata,
  ROOT,
  type ServerChallenge,
  ServerMetadata,
  wellFormed,
} from './discovery-documents';
import { type ProblemStated, ProviderProblem, problem } from './provider-problem';
import { challengeOfServer } from './server-challenge';

/** Where discovery begins, and what an administrator has settled already. */
export type Beginning = {
  serverName: string;
  serverUrl: string;
  configured: Configured;
  allowLoopback: boolean;
  /** Told to the administrator when nothing is found. */
  redirectUri: string;
};

/** How long all of it may take, milliseconds; each answer has its own bounds. */
const MOST_TIME = 20_000;
/** Of the authorization servers a server names, how many are asked. */
const MOST_ISSUERS = 3;

const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
] as const;

/** What is known of a server's own metadata. */
type Resource = Pick<Discovered, 'resource' | 'scopes'> & { issuers: string[] };

const NO_RESOURCE: Resource = { resource: null, scopes: null, issuers: [] };

/**
 * Finds a server's provider (CONTRACT §7; MCP 2026-07-28, Authorization Server Discovery): its resource metadata, named in
 * its 401 or at the well-known paths, then the metadata of the authorization server that this names.
 * @returns what was found, and what was tried on the way, in words for the administrator.
 * @throws ProviderProblem
 */
export async function discover(beginning: Beginning): Promise<{ discovered: Discovered; tried: string[] }> {
  const search = new Search(beginning);
  const discovered = await search.run();
  return { discovered, tried: search.tried };
}

/**
 * The metadata of an issuer someone named. @param name what is told of it in faults
 * @throws ProviderProblem
 */
export async function discoverIssuer(
  allowLoopback: boolean,
  name: string,
  issuer: string,
): Promise<ServerMetadata> {
  const from = {
    serverName: name,
    serverUrl: issuer,
    configured: { issuer },
    allowLoopback,
    redirectUri: '',
  };
  return new Search(from).issuer();
}

class Search {
  readonly tried: string[] = [];
  private readonly endsAt = Date.now() + MOST_TIME;
  private readonly send;
  /** An issuer that was found in another's place. */
  private mismatch: { wanted: string; found: string } | null = null;
  /** Why a document of the right issuer was not used. */
  private unusable: ProblemStated | null = null;
  private isPassing = false;

  constructor(private readonly from: Beginning) {
    this.send = boundedFetch(from.allowLoopback, 'it');
  }

  async run(): Promise<Discovered> {
    const { configured } = this.from;
    const { authorize_url, token_url, registration_url } = configured;
    if (authorize_url && token_url) return this.named(authorize_url, token_url);

    const challenge = await this.probe();
    const resource = await this.resource(challenge);
    // Only a server that says nothing of its authorization server may be one under a name of its own choice.
    const isUndescribed = resource === NO_RESOURCE && challenge.resourceMetadata === null;
    const found = await this.authorizationServer(resource.issuers, isUndescribed);
    if (!found && this.isWithoutDocuments(resource))
      return defaultEndpoints(this.from.serverUrl, configured, resource.scopes);
    const metadata = found ?? this.nothingFound();
    const tokenEndpoint = token_url ?? metadata.token_endpoint;
    const { host } = new URL(tokenEndpoint);
    return {
      issuer: metadata.issuer,
      authorizationEndpoint: authorize_url ?? metadata.authorization_endpoint,
      tokenEndpoint,
      tokenHost: host === new URL(metadata.issuer).host ? null : host,
      registrationEndpoint: registration_url ?? metadata.registration_endpoint ?? null,
      revocationEndpoint: metadata.revocation_endpoint ?? null,
      userinfoEndpoint: metadata.userinfo_endpoint ?? null,
      authMethods: metadata.token_endpoint_auth_methods_supported ?? null,
      promisesIss: metadata.authorization_response_iss_parameter_supported ?? false,
      takesDocuments: metadata.client_id_metadata_document_supported ?? false,
      offersOfflineAccess: metadata.scopes_supported?.includes('offline_access') ?? false,
      resource: resource.resource,
      scopes: resource.scopes,
      at: Math.floor(Date.now() / 1000),
    };
  }

  /** True when no document was found at all, and no administrator has said whom to expect. */
  private isWithoutDocuments({ resource }: Resource): boolean {
    const { client_id, issuer } = this.from.configured;
    const isSilent = !this.isPassing && !this.unusable && !this.mismatch;
    return isSilent && resource === null && client_id === undefined && issuer === undefined;
  }

  async issuer(): Promise<ServerMetadata> {
    const found = await this.authorizationServer([this.from.serverUrl], false);
    return found ?? this.nothingFound();
  }

  /** The endpoints an administrator named. What the server says of itself is used as far as it can be had. */
  private async named(authorizationEndpoint: string, tokenEndpoint: string): Promise<Discovered> {
    const { configured } = this.from;
    const resource = await this.probe()
      .then((challenge) => this.resource(challenge))
      .catch((error: unknown) => {
        if (error instanceof ProviderProblem) return NO_RESOURCE;
        throw error;
      });
    return {
      issuer: configured.issuer ?? null,
      authorizationEndpoint,
      tokenEndpoint,
      tokenHost: null,
      registrationEndpoint: configured.registration_url ?? null,
      revocationEndpoint: null,
      authMethods: UNDOCUMENTED,
      promisesIss: false,
      takesDocuments: false,
      offersOfflineAccess: false,
      resource: resource.resource,
      scopes: resource.scopes,
      at: Math.floor(Date.now() / 1000),
    };
  }

  /** How the server refuses a request without a token. */
  private async probe(): Promise<ServerChallenge> {
    const { serverUrl, serverName, allowLoopback } = this.from;
    const fault = targetFault(serverUrl, allowLoopback);
    if (fault)
      throw this.problem('discovery_failed', problem('bad_server_address', { server: serverName, fault }));
    try {
      const { challenge, tried } = await challengeOfServer(serverUrl);
      this.tried.push(...tried);
      return challenge;
    } catch {
      this.tried.push(`POST ${serverUrl} could not be sent`);
      throw this.problem('unavailable', problem('server_unreachable', { server: serverName }));
    }
  }

  /** What the server says of itself: where its refusal points, else at the well-known paths (RFC 9728 §3.1). */
  private async resource({ resourceMetadata, scopes }: ServerChallenge): Promise<Resource> {
    const { serverName, serverUrl, configured } = this.from;
    const { origin, pathname } = new URL(serverUrl);
    const wellKnown = `${origin}/.well-known/oauth-protected-resource`;
    const places = [resourceMetadata, wellKnown + pathWithin(pathname), wellKnown].filter(
      (url) => url !== null,
    );
    for (const url of new Set(places)) {
      const metadata = await this.document(url, ResourceMetadata);
      if (this.isPassing) {
        throw this.problem('unavailable', problem('metadata_silent', { server: serverName }));
      }
      if (!metadata) continue;
      if (!covers(metadata.resource, serverUrl) && metadata.resource !== configured.resource) {
        this.note(url, `describes ${metadata.resource}, which is not this server`);
        const { resource } = metadata;
        const params = { server: serverName, url: serverUrl, resource };
        throw this.problem('discovery_failed', problem('other_resource', params));
      }
      return this.described(metadata, scopes);
    }
    return scopes ? { ...NO_RESOURCE, scopes } : NO_RESOURCE;
  }

  private described(metadata: ResourceMetadata, challenged: string[] | null): Resource {
    const issuers = (metadata.authorization_servers ?? []).slice(0, MOST_ISSUERS);
    const scopes = challenged ?? (metadata.scopes_supported ? wellFormed(metadata.scopes_supported) : null);
    return { resource: metadata.resource, scopes, issuers };
  }

  /** The metadata of the first authorization server that has some. */
  private async authorizationServer(
    issuers: string[],
    isUndescribed: boolean,
  ): Promise<ServerMetadata | null> {
    const { configured, serverUrl } = this.from;
    const { origin } = new URL(serverUrl);
    const candidates = [configured.issuer, ...(issuers.length ? issuers : [serverUrl])];
    for (const issuer of candidates) {
      if (issuer === undefined || !URL.canParse(issuer)) continue;
      for (const url of documentsOf(issuer, issuer !== serverUrl)) {
        const metadata = await this.serverDocument(url);
        if (metadata && this.mayBe(metadata.issuer, issuer, url)) return metadata;
      }
    }
    for (const url of issuers.length ? [] : documentsOf(origin, true)) {
      const metadata = await this.serverDocument(url);
      if (!metadata) continue;
      if (isUndescribed && url === ROOT(origin) && this.mayName(metadata, origin)) return metadata;
      if (this.mayBe(metadata.issuer, origin, url)) return metadata;
    }
    return null;
  }

  /**
   * A root document may name any issuer, as long as people, codes and secrets go to no one but that issuer: else what
   * serves it could have those of another provider sent to itself.
   */
  private mayName(metadata: ServerMetadata, origin: string): boolean {
    if (!URL.canParse(metadata.issuer)) return false;
    const issuer = new URL(metadata.issuer).origin;
    const { authorize_url, token_url } = this.from.configured;
    const endpoints = [
      authorize_url ?? metadata.authorization_endpoint,
      token_url ?? metadata.token_endpoint,
    ];
    return issuer === origin || endpoints.every((endpoint) => new URL(endpoint).origin === issuer);
  }

  /** RFC 8414 §3.3: a document speaks for the issuer it was found under, or for the one an administrator accepts. */
  private mayBe(found: string, expected: string, url: string): boolean {
    if (isSame(found, expected) || found === this.from.configured.issuer) return true;
    this.note(url, `names the issuer ${found} in place of ${expected}`);
    this.mismatch ??= { wanted: expected, found };
    return false;
  }

  /** Metadata whose endpoints may be used; null: there is none at `url`. */
  private async serverDocument(url: string): Promise<ServerMetadata | null> {
    const metadata = await this.document(url, ServerMetadata);
    if (!metadata) return null;
    const { serverName: server, allowLoopback } = this.from;
    for (const member of ENDPOINTS) {
      const fault = metadata[member] && targetFault(metadata[member], allowLoopback);
      if (!fault) continue;
      const what = `has a ${member} that ${FAULT_WORDS[fault]()}`;
      return this.cannotUse(url, what, problem('bad_endpoint', { server, member, fault }));
    }
    const methods = metadata.code_challenge_methods_supported;
    if (!methods || methods.includes('S256')) return metadata;
    return this.cannotUse(url, 'does not offer PKCE with S256', problem('no_pkce', { server }));
  }

  private cannotUse(url: string, what: string, stated: ProblemStated): null {
    this.note(url, what);
    this.unusable ??= stated;
    return null;
  }

  /** The JSON document at `url`, or where that redirects; null when there is none of this form. */
  private async document<T>(url: string, schema: z.ZodMiniType<T>): Promise<T | null> {
    if (Date.now() > this.endsAt) {
      throw this.problem('unavailable', problem('search_too_long', { server: this.from.serverName }));
    }
    const get = (at: string) => this.send(at, { headers: { accept: 'application/json' } });
    const followed = await followWithin(url, OF_DOCUMENTS, get).catch((error: unknown) => {
      if (error instanceof Unavailable) return error;
      throw error;
    });
    if (followed instanceof Unavailable) {
      this.isPassing ||= targetFault(url, this.from.allowLoopback) === null;
      this.note(url, `failed: ${followed.message}`);
      return null;
    }
    const { response } = followed;
    if (response.status !== 200) {
      this.isPassing ||= response.status >= 500 || response.status === 429;
      this.note(url, `answered ${response.status}`);
      return null;
    }
    const json = await response.json<unknown>().catch(() => null);
    const read = schema.safeParse(json);
    if (read.success) {
      this.note(url, 'was found');
      return read.data;
    }
    const isProviders = (schema as z.ZodMiniType) === ServerMetadata;
    const member = isProviders ? missingMember(json) : null;
    if (!member) {
      this.note(url, 'is not such a document');
      return null;
    }
    const params = { server: this.from.serverName, url, member };
    return this.cannotUse(url, `has no ${member}`, problem('incomplete_metadata', params));
  }

  private nothingFound(): never {
    const server = this.from.serverName;
    if (this.isPassing) throw this.problem('unavailable', problem('provider_silent', { server }));
    if (this.unusable) throw this.problem('discovery_failed', this.unusable);
    if (this.mismatch) {
      const { found } = this.mismatch;
      throw this.problem('issuer_mismatch', problem('other_issuer', { server, ...this.mismatch }), found);
    }
    throw this.problem('discovery_failed', problem('no_provider', { server }));
  }

  private note(url: string, what: string): void {
    this.tried.push(`GET ${url} ${what}`);
  }

  private problem(
    type: ProviderProblem['type'],
    stated: ProblemStated,
    offered: string | null = null,
  ): ProviderProblem {
    return new ProviderProblem(type, stated, this.tried, this.from.redirectUri, offered);
  }
}
