import { ClientMetadata, RegisteredClient } from '../../clients/metadata';
import {
  AuthorizationServerMetadata,
  ClientIdMetadataDocument,
  ProtectedResourceMetadata,
  TokenResponse,
} from '../../protocol/oauth-answers';
import { ShownEvent } from '../audit';
import { ShownClient } from '../clients';
import { ShownAccount } from '../connected-accounts';
import { ShownGrant } from '../grants';
import { Health } from '../health';
import { OAuthConfigStatus } from '../oauth-configs';
import { ShownPreset } from '../presets';
import { Quota } from '../quota';
import { OAuthFlowInitiation } from '../server-authorization';
import { ShownSession } from '../session';
import { ShownServer } from '../shown-server';
import { ShownUser, UserChangeRequest } from '../users';
import { KeyRotation, NewKey } from '../virtual-key-terms';
import { ShownKey } from '../virtual-keys';
import { NewVirtualMcp, ShownVirtualMcp, VirtualMcpChange } from '../virtual-mcps';
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
