import { nameIn } from './docs-schema';
import type { Document, OperationObject } from './document';

/** Stands for the gateway's origin, which is not known when the pages are made. */
export const ORIGIN = '%ORIGIN%';

export type Placed = { method: string; path: string; operation: OperationObject };

/** The document by what its pages are about. */
export type Reference = {
  document: Document;
  nouns: {
    /** In its address. */
    id: string;
    name: string;
    description: string;
    placed: Placed[];
    /** Names of the schemas that its operations alone name. */
    schemas: string[];
  }[];
  /** Names of the other schemas. */
  shared: string[];
};

/** A document as the pages show it: a noun's operations, and its schemas where they are used. */
export function referenceOf(document: Document): Reference {
  const placed = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Placed => ({ method, path, operation })),
  );
  const nouns = document.tags.map(({ name, description }) => ({
    id: name.toLowerCase().replaceAll(' ', '-'),
    name,
    description,
    placed: placed.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const named = nouns.map(({ placed }) => namesWithin(document, placed));
  const names = Object.keys(document.components.schemas);
  const usersOf = (schema: string) => named.filter((names) => names.has(schema)).length;
  return {
    document,
    nouns: nouns.map((noun, at) => ({
      ...noun,
      schemas: names.filter((schema) => named[at]?.has(schema) && usersOf(schema) === 1),
    })),
    shared: names.filter((schema) => usersOf(schema) !== 1),
  };
}

/** The names of the schemas that some JSON refers to, on the way through other schemas and answers, too. */
function namesWithin({ components }: Document, json: unknown): Set<string> {
  const seen = new Set<string>();
  const todo = [json];
  while (todo.length) {
    for (const [ref] of JSON.stringify(todo.pop()).matchAll(/#\/components\/\w+\/\w+/g)) {
      if (seen.has(ref)) continue;
      seen.add(ref);
      const parts = ref.includes('/responses/') ? components.responses : components.schemas;
      todo.push((parts as Record<string, unknown>)[nameIn(ref)]);
    }
  }
  return new Set([...seen].filter((ref) => ref.includes('/schemas/')).map(nameIn));
}
