import * as z from 'zod';

/** A moment, as RFC 3339 writes it. */
export const Time = z.iso.datetime();
