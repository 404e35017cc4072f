/** What is said of a reason, made of its parameters. */
export type Vocabulary = { readonly [reason: string]: (params: never) => string };

/** The same reasons in words for other readers: one that is missing, or reads other parameters, is a type error. */
export type Rewording<V extends Vocabulary> = {
  readonly [R in keyof V]: (...params: Parameters<V[R]>) => string;
};

/** A reason and its parameters: no sentence yet, so that each edge has its own. */
export type Stated<V extends Vocabulary> = { readonly reason: keyof V & string; readonly params: Details };
export type Details = Readonly<Record<string, string | number>>;

/** Makes the sentence. */
export function say<V extends Vocabulary>(words: Rewording<V>, { reason, params }: Stated<V>): string {
  return (words[reason] as (params: Details) => string)(params);
}
