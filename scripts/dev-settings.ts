/**
 * The variables that `npm run dev` hands on to the Worker when the environment has them: every setting of CONTRACT §1,
 * and the two that exist only as variables. A test holds this equal to the Worker's own table.
 */
export const VARIABLES = [
  'DISPLAY_NAME',
  'SUPPORT_TEXT',
  'MCP_SERVER_AUTH_MODE',
  'OAUTH2_SERVER_CONFIG_ISSUER_URL',
  'OAUTH2_SERVER_CONFIG_AUTH_CODE_TTL',
  'OAUTH2_SERVER_CONFIG_ACCESS_TOKEN_TTL',
  'OAUTH2_SERVER_CONFIG_REFRESH_TOKEN_TTL',
  'OAUTH2_SERVER_CONFIG_REFRESH_REUSE_INTERVAL',
  'ENFORCE_AUTH_ON_INFERENCE',
  'REVOCATION_LAG',
  'MCP_TOOL_EXECUTION_TIMEOUT',
  'MCP_TOOL_SYNC_INTERVAL',
  'ALLOWED_ORIGINS',
  'ALLOW_LOOPBACK_UPSTREAMS',
  'RATE_LIMITS',
] as const;
