import { ClientMetadata, RegisteredClient } from '../../clients/metadata';
import {
  AuthorizationServerMetadata,
  ClientIdMetadataDocument,
  ProtectedResourceMetadata,
  TokenResponse,
} from '../../protocol/oauth-answers';
import { ShownEvent } from '../api/audit';
import { ShownClient } from '../api/clients';
import { ShownAccount } from '../api/connected-accounts';
import { ShownGrant } from '../api/grants';
import { Health } from '../api/health';
import { Quota } from '../api/quota';
import { OAuthFlowInitiation } from '../api/servers/authorization';
import { OAuthConfigStatus } from '../api/servers/oauth-configs';
import { ShownPreset } from '../api/servers/presets';
import { ShownServer } from '../api/servers/shown';
import { ShownSession } from '../api/session';
import { ShownUser, UserChangeRequest } from '../api/users';
import { KeyRotation, NewKey } from '../api/virtual-key-terms';
import { ShownKey } from '../api/virtual-keys';
import { NewVirtualMcp, ShownVirtualMcp, VirtualMcpChange } from '../api/virtual-mcps';
import { KeyChange } from './governance';
import { McpAnswer, McpMessage } from './mcp';
import { JwkSet, TokenRequest } from './oauth';
import { NewServer, ServerChangeRequest } from './servers';
import { SettingsChange, ShownSettings } from './settings';
import { MCPAuthType, OAuthConfigRequest, OAuthToken } from './upstream-oauth';

/** The names of what is sent here. */
export const asked = {
  MCPAuthType,
  OAuthConfigRequest,
  PerUserOAuthClientRegistrationRequest: ClientMetadata,
  TokenRequest,
  McpMessage,
  NewServer,
  ServerChangeRequest,
  NewVirtualMcp,
  VirtualMcpChange,
  NewVirtualKey: NewKey,
  VirtualKeyChange: KeyChange,
  VirtualKeyRotation: KeyRotation,
  UserChangeRequest,
  SettingsChange,
};

/** The names of what is answered. */
export const answered = {
  ProtectedResourceMetadata,
  AuthorizationServerMetadata,
  ClientIdMetadataDocument,
  JwkSet,
  PerUserOAuthClientRegistrationResponse: RegisteredClient,
  PerUserOAuthTokenResponse: TokenResponse,
  McpAnswer,
  Server: ShownServer,
  Preset: ShownPreset,
  ConnectedAccount: ShownAccount,
  VirtualMcp: ShownVirtualMcp,
  VirtualKey: ShownKey,
  Quota,
  User: ShownUser,
  Client: ShownClient,
  Grant: ShownGrant,
  Event: ShownEvent,
  Session: ShownSession,
  Settings: ShownSettings,
  Health,
  OAuthFlowInitiation,
  OAuthConfigStatus,
  OAuthToken,
};
