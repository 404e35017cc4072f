import * as z from 'zod/mini';
import { Quota } from '../api/answers/quota';
import { ShownKey } from '../api/answers/virtual-key';
import { ShownVirtualMcp } from '../api/answers/virtual-mcp';
import { Page } from '../api/request';
import { KeyList, KeyRotation, NewKey } from '../api/virtual-key-terms';
import { NewVirtualMcp, VirtualMcpChange } from '../api/virtual-mcps';
import { Message, many, one, saved } from './crud';
import type { Operations } from './operation';

/** What may change of a key: its terms, not its value. */
export const KeyChange = z.partial(z.omit(NewKey, { value: true }));

const KEY = { id: 'Of the access key' };
const TOOLSET = { id: 'Of the toolset' };
const SERVER_ID = '0f8d1c1e-8f0c-4a8c-9f59-2f1d6b6f0c11';

export const governance: Operations = {
  'GET /api/mcp/virtual-mcps': {
    id: 'listToolsets',
    tag: 'Toolsets',
    summary: 'List toolsets',
    access: 'administrator',
    query: Page,
    answers: { 200: many('virtual_mcps', ShownVirtualMcp) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'POST /api/mcp/virtual-mcps': {
    id: 'createToolset',
    tag: 'Toolsets',
    summary: 'Make a toolset',
    description: 'Its address is made from the name, unless `endpoint_slug` is sent, and never changes.',
    access: 'administrator',
    body: {
      schema: NewVirtualMcp,
      example: { name: 'Support desk', tools: [{ mcp_client_id: SERVER_ID, tool_names: ['*'] }] },
    },
    answers: { 200: saved('virtual_mcp', ShownVirtualMcp) },
    refusals: ['api', 400, 401, 403, 409, 413, 503],
  },
  'GET /api/mcp/virtual-mcps/{id}': {
    id: 'getToolset',
    tag: 'Toolsets',
    summary: 'One toolset',
    access: 'administrator',
    path: TOOLSET,
    answers: { 200: one('virtual_mcp', ShownVirtualMcp) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'PUT /api/mcp/virtual-mcps/{id}': {
    id: 'changeToolset',
    tag: 'Toolsets',
    summary: 'Change a toolset',
    description: 'What is left out stays; a list that is sent replaces the one before.',
    access: 'administrator',
    path: TOOLSET,
    body: { schema: VirtualMcpChange, example: { description: 'What the help desk needs', enabled: true } },
    answers: { 200: saved('virtual_mcp', ShownVirtualMcp) },
    refusals: ['api', 400, 401, 403, 404, 409, 413, 503],
  },
  'DELETE /api/mcp/virtual-mcps/{id}': {
    id: 'deleteToolset',
    tag: 'Toolsets',
    summary: 'Delete a toolset',
    access: 'administrator',
    path: TOOLSET,
    answers: { 200: { description: 'Deleted', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'POST /api/mcp/virtual-mcps/{id}/virtual-keys/{vkId}': {
    id: 'attachKey',
    tag: 'Toolsets',
    summary: 'Let an access key use a toolset',
    access: 'administrator',
    path: { ...TOOLSET, vkId: 'Of the access key' },
    answers: { 200: saved('virtual_mcp', ShownVirtualMcp) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'DELETE /api/mcp/virtual-mcps/{id}/virtual-keys/{vkId}': {
    id: 'detachKey',
    tag: 'Toolsets',
    summary: 'No longer let an access key use a toolset',
    access: 'administrator',
    path: { ...TOOLSET, vkId: 'Of the access key' },
    answers: { 200: { description: 'Done', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },

  'GET /api/governance/virtual-keys': {
    id: 'listKeys',
    tag: 'Access keys',
    summary: 'List access keys',
    access: 'administrator',
    query: KeyList,
    answers: { 200: many('virtual_keys', ShownKey) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'POST /api/governance/virtual-keys': {
    id: 'createKey',
    tag: 'Access keys',
    summary: 'Make an access key',
    description:
      'Its value is whole in this answer alone. A server that `mcp_configs` does not name stays closed to it.',
    access: 'administrator',
    body: {
      schema: NewKey,
      example: {
        name: 'ci',
        mcp_configs: [{ mcp_client_name: 'docs', tools_to_execute: ['*'] }],
        limits: [{ calls: 1000, window_seconds: 86_400 }],
      },
    },
    answers: { 200: saved('virtual_key', ShownKey) },
    refusals: ['api', 400, 401, 403, 409, 413, 503],
  },
  'GET /api/governance/virtual-keys/{id}': {
    id: 'getKey',
    tag: 'Access keys',
    summary: 'One access key',
    access: 'administrator',
    path: KEY,
    answers: { 200: one('virtual_key', ShownKey) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'PUT /api/governance/virtual-keys/{id}': {
    id: 'changeKey',
    tag: 'Access keys',
    summary: 'Change an access key',
    description:
      'What is left out stays; a list that is sent replaces the one before. The value changes by rotation.',
    access: 'administrator',
    path: KEY,
    body: { schema: KeyChange, example: { is_active: false } },
    answers: { 200: saved('virtual_key', ShownKey) },
    refusals: ['api', 400, 401, 403, 404, 409, 413, 503],
  },
  'DELETE /api/governance/virtual-keys/{id}': {
    id: 'deleteKey',
    tag: 'Access keys',
    summary: 'Delete an access key',
    description: 'What apps were allowed with it ends.',
    access: 'administrator',
    path: KEY,
    answers: { 200: { description: 'Deleted', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'POST /api/governance/virtual-keys/{id}/rotate': {
    id: 'rotateKey',
    tag: 'Access keys',
    summary: 'Give an access key a new value',
    description:
      '`routine`: the old value works for `vk_rotation_cooldown` more. `leaked`: it is refused at once, and what apps were allowed with it ends.',
    access: 'administrator',
    path: KEY,
    body: { schema: KeyRotation, example: { reason: 'routine' } },
    answers: { 200: saved('virtual_key', ShownKey) },
    refusals: ['api', 400, 401, 403, 404, 413, 503],
  },
  'GET /api/governance/virtual-keys/quota': {
    id: 'getQuota',
    tag: 'Access keys',
    summary: 'What is left of a key, for the one who holds it',
    access: 'key',
    answers: { 200: { description: 'The limits and what was used of them', schema: Quota } },
    refusals: ['api', 401, 503],
  },
};
