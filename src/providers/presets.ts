import type { Configured } from '../servers/oauth-config';

/** A well-known server: what an administrator has to know to add it. Members as the API spells them. */
export type Preset = {
  id: string;
  name: string;
  /** What its tools are about, in a few words of a page. */
  brings: string;
  /** Null: wherever yours is. */
  connection_string: string | null;
  auth_type: 'per_user_oauth';
  /** `own_app`: someone registers an app at `console_url` and pastes our redirect URI there. `automatic`: the gateway does. */
  registration: 'own_app' | 'automatic';
  console_url: string | null;
  oauth_config: Configured;
  /** What differs from the specifications, or has to be done there; a sentence each. */
  notes: readonly string[];
  /** Where this is said, and when that was read. */
  source: string;
  read_on: string;
};

const READ_ON = '2026-11-22';

/** Servers whose provider registers no one by itself: bring your own app. */
const OWN_APP: readonly Preset[] = [
  {
    id: 'github',
    name: 'GitHub',
    brings: 'Repositories, issues, pull requests',
    connection_string: 'https://api.githubcopilot.com/mcp/',
    auth_type: 'per_user_oauth',
    registration: 'own_app',
    console_url: 'https://github.com/settings/developers',
    oauth_config: {
      authorize_url: 'https://github.com/login/oauth/authorize',
      token_url: 'https://github.com/login/oauth/access_token',
    },
    notes: [
      'Needs the client secret. An OAuth app takes one redirect URI; a GitHub App takes several and has tokens that end.',
      'Tokens of OAuth apps have no lifetime and no refresh token: they end when the person or GitHub revokes them.',
      'An organization may have to approve the app before its repositories can be seen.',
      'Set `scopes` to what your people need, such as `repo` and `read:org`; otherwise we ask for all that the server names.',
    ],
    source: 'https://github.com/github/github-mcp-server/blob/main/docs/host-integration.md',
    read_on: READ_ON,
  },
  {
    id: 'google',
    name: 'Google Workspace',
    brings: 'Gmail messages and drafts',
    connection_string: 'https://gmailmcp.googleapis.com/mcp/v1',
    auth_type: 'per_user_oauth',
    registration: 'own_app',
    console_url: 'https://console.cloud.google.com/apis/credentials',
    oauth_config: {
      authorize_url: 'https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent',
      token_url: 'https://oauth2.googleapis.com/token',
      resource: '',
      scopes: [
        'https://www.googleapis.com/auth/gmail.readonly',
        'https://www.googleapis.com/auth/gmail.compose',
      ],
    },
    notes: [
      'Create a client of the type web application, and enable both the product’s API and its MCP API in the project.',
      'This is Gmail. Drive, Calendar and Chat have their own servers (drivemcp, calendarmcp, chatmcp) and scopes, and can use the same client.',
      '`access_type=offline&prompt=consent` is what makes Google give a refresh token. While the consent screen is in testing, it ends after 7 days.',
    ],
    source: 'https://developers.google.com/workspace/guides/configure-mcp-servers',
    read_on: READ_ON,
  },
  {
    id: 'slack',
    name: 'Slack',
    brings: 'Messages, channels, search',
    connection_string: 'https://mcp.slack.com/mcp',
    auth_type: 'per_user_oauth',
    registration: 'own_app',
    console_url: 'https://api.slack.com/apps',
    oauth_config: {
      authorize_url: 'https://slack.com/oauth/v2_user/authorize',
      token_url: 'https://slack.com/api/oauth.v2.user.access',
    },
    notes: [
      'Needs the client secret. Slack allows internal apps and those in its Marketplace only. Turn on the Model Context Protocol in the app.',
      'The app’s user token scopes decide which tools work. Set `scopes` to the same ones.',
      'Slack sends refusals with status 200, and calls its tokens `user`. The gateway understands both.',
    ],
    source: 'https://docs.slack.dev/ai/slack-mcp-server/developing',
    read_on: READ_ON,
  },
  {
    id: 'entra',
    name: 'Microsoft Entra ID',
    brings: 'Your own server, with Microsoft sign-in',
    connection_string: null,
    auth_type: 'per_user_oauth',
    registration: 'own_app',
    console_url: 'https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade',
    oauth_config: {
      authorize_url: 'https://login.microsoftonline.com/TENANT/oauth2/v2.0/authorize',
      token_url: 'https://login.microsoftonline.com/TENANT/oauth2/v2.0/token',
      resource: '',
      scopes: ['api://SERVER/.default', 'offline_access'],
    },
    notes: [
      'For your own server that takes tokens of your tenant. Replace TENANT with the tenant’s ID, and api://SERVER with the server’s application ID URI.',
      'The platform of the app is Web. The v2.0 endpoints know no `resource`, and refuse one that disagrees with the scopes (AADSTS9010010): it stays empty.',
      'Where people sign in to this gateway with Entra, `token_exchange` saves them the second sign-in.',
    ],
    source: 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
    read_on: READ_ON,
  },
];

/** Servers whose provider lets the gateway register itself, or takes its metadata document. */
const AUTOMATIC: readonly Preset[] = [
  automatic('notion', 'Notion', 'https://mcp.notion.com/mcp', {
    brings: 'Pages and databases',
    notes: [
      'Where a workspace governs AI connections, one of its administrators has to approve the gateway.',
    ],
    source: 'https://developers.notion.com/guides/mcp/build-mcp-client',
  }),
  automatic('linear', 'Linear', 'https://mcp.linear.app/mcp', {
    brings: 'Issues, projects, cycles',
    notes: [],
    source: 'https://linear.app/docs/mcp',
  }),
  automatic('atlassian', 'Atlassian', 'https://mcp.atlassian.com/v1/mcp', {
    brings: 'Jira and Confluence',
    notes: [
      'An administrator of the organization has to allow the host of the redirect URI: Atlassian Administration, Apps, AI settings, Rovo MCP server.',
      'A token is for one site. A person with several sites connects once for each.',
    ],
    source:
      'https://support.atlassian.com/security-and-access-policies/docs/control-atlassian-rovo-mcp-server-settings',
  }),
  automatic('sentry', 'Sentry', 'https://mcp.sentry.dev/mcp', {
    brings: 'Errors and releases',
    notes: ['Which groups of tools there are is chosen on Sentry’s own consent page.'],
    source: 'https://docs.sentry.io/ai/mcp/',
  }),
];

export const PRESETS: readonly Preset[] = [...OWN_APP, ...AUTOMATIC];

function automatic(
  id: string,
  name: string,
  connection_string: string,
  known: Pick<Preset, 'brings' | 'notes' | 'source'>,
): Preset {
  return {
    id,
    name,
    connection_string,
    auth_type: 'per_user_oauth',
    registration: 'automatic',
    console_url: null,
    oauth_config: {},
    ...known,
    read_on: READ_ON,
  };
}
