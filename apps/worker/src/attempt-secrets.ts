import type { AttemptId, Outcome } from '@dagbook/contracts';
import { type Json, SecretMask, secretsInConnection, secretsInVariable } from '@dagbook/domain';
import type { Call } from './runner-protocol.ts';

/**
 * What each attempt on this worker was given and must not show: the last place before disk and bus, which also sees
 * what processes write that no code of ours runs in.
 *
 * State: a mask for each attempt that has secrets, from the first of them until the attempt's last line is written.
 */
export class AttemptSecrets {
  readonly #masks = new Map<AttemptId, SecretMask>();

  /** Answers how many are too short to be hidden. */
  learn(attemptId: AttemptId, secrets: readonly string[]): number {
    if (secrets.length === 0) return 0;
    let mask = this.#masks.get(attemptId);
    if (mask === undefined) this.#masks.set(attemptId, (mask = new SecretMask()));
    return secrets.filter((secret) => secret !== '' && !mask.add(secret)).length;
  }

  masked(attemptId: AttemptId, text: string): string {
    return this.#masks.get(attemptId)?.mask(text) ?? text;
  }

  of(attemptId: AttemptId): SecretMask | undefined {
    return this.#masks.get(attemptId);
  }

  /** An outcome as it may be told: its failure was cut to size, perhaps within a secret. */
  maskedOutcome(attemptId: AttemptId, outcome: Outcome): Outcome {
    const mask = this.#masks.get(attemptId);
    if (mask === undefined || outcome.kind !== 'failed') return outcome;
    const { message, detail, ...failure } = outcome.failure;
    return { ...outcome, failure: { ...failure, message: mask.maskCut(message), ...(detail === undefined ? {} : { detail: mask.maskCut(detail) }) } };
  }

  forget(attemptId: AttemptId): void {
    this.#masks.delete(attemptId);
  }
}

/** What an answer of the execution API brings along to hide. */
export function secretsInAnswer(question: Call, answer: Json): readonly string[] {
  if (question.method === 'variable' && typeof answer === 'string') return secretsInVariable(question.key, answer);
  if (question.method === 'connection' && answer !== null) return secretsInConnection(answer as { readonly [field: string]: Json });
  return [];
}
