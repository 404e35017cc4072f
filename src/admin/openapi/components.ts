import { ClientMetadata } from '../../clients/metadata';
import { RegisteredClient } from '../../clients/registered-client';
import {
  AuthorizationServerMetadata,
  ClientIdMetadataDocument,
  ProtectedResourceMetadata,
  TokenResponse,
} from '../../protocol/oauth-answers';
import { ShownEvent } from '../api/answers/audit-event';
import { OAuthFlowInitiation } from '../api/answers/authorization';
import { ShownClient } from '../api/answers/client';
import { ShownAccount } from '../api/answers/connected-account';
import { ShownGrant } from '../api/answers/grant';
import { Health } from '../api/answers/health';
import { OAuthConfigStatus } from '../api/answers/oauth-config-status';
import { ShownPreset } from '../api/answers/preset';
import { Quota } from '../api/answers/quota';
import { ShownServer } from '../api/answers/server';
import { ShownSession } from '../api/answers/session';
import { ShownUser } from '../api/answers/user';
import { ShownKey } from '../api/answers/virtual-key';
import { ShownVirtualMcp } from '../api/answers/virtual-mcp';
import { UserChangeRequest } from '../api/users';
import { KeyRotation, NewKey } from '../api/virtual-key-terms';
import { NewVirtualMcp, VirtualMcpChange } from '../api/virtual-mcps';
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
