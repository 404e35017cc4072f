import { accounts } from './accounts';
import { authorizations } from './authorizations';
import { connecting } from './connecting';
import { gateway } from './gateway';
import { governance } from './governance';
import { mcp } from './mcp';
import { oauth } from './oauth';
import type { Operations } from './operation';
import { people } from './people';
import { servers } from './servers';

/** Every operation there is (CONTRACT §§2 to 8). */
export const operations: Operations = {
  ...oauth,
  ...mcp,
  ...servers,
  ...authorizations,
  ...accounts,
  ...connecting,
  ...governance,
  ...people,
  ...gateway,
};
