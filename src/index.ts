import { app } from './app';

export { GrantObject } from './grants/grant-object';

export default app;
