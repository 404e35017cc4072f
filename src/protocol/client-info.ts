import { version } from '../../package.json';

/** Who we say we are, upstream. */
export const CLIENT_INFO = { name: 'toolgate', version };
