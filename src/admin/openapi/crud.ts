import * as z from 'zod/mini';
import { listOf } from '../api/answer';
import type { AnswerSpec } from './operation';

/** One thing, under its noun. */
export function one(noun: string, schema: z.ZodMiniType): AnswerSpec {
  return { description: 'Found', schema: z.object({ [noun]: schema }) };
}

/** One thing that was made or changed, and a sentence about it. */
export function saved(noun: string, schema: z.ZodMiniType, description = 'Done'): AnswerSpec {
  return { description, schema: z.object({ message: z.string(), [noun]: schema }) };
}

/** A page of a list. */
export function many(plural: string, schema: z.ZodMiniType): AnswerSpec {
  return { description: 'A page of the list', schema: listOf(plural, schema) };
}

/** A sentence, for a person. */
export const Message = z.object({ message: z.string() });
