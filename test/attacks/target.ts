// What the attacks are run against: a service under one kind of access key, with two people signed in.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { readStored } from '../support/account.ts';
import type { LogLine } from '../support/logs.ts';
import { accountOf, type Person, Service } from '../support/service.ts';
import { makeAccessKeys } from './access-keys.ts';
import { openSubject, type Subject, type TokenKind } from './subject.ts';

export interface Target {
  service: Service;
  ada: Person;
  subject: Subject;
  /** Everything that both accounts store. */
  readStorage: () => Promise<unknown>;
}

export async function openTarget(kind: TokenKind, alg: Algorithm): Promise<Target> {
  const accessKeys = await makeAccessKeys(alg);
  const service = new Service({ ACCESS_TOKEN_SECRET: accessKeys.setting });
  const ada = await service.register();
  const bob = await service.register();
  const pick = (person: Person) => (kind === 'access' ? person.accessToken : person.cookie);
  const subject = openSubject({
    kind,
    token: pick(ada),
    otherKind: kind === 'access' ? ada.cookie : ada.accessToken,
    otherPerson: pick(bob),
    accessKeys,
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  return {
    service,
    ada,
    subject,
    readStorage: async () => [await readStored(accountOf(ada.id)), await readStored(accountOf(bob.id))],
  };
}

/** The pieces of a token that must not be in the log: every 12 letters of it that are not of a part's beginning. */
export function findLeak(lines: LogLine[], token: string): string | undefined {
  const log = lines.map(({ text }) => text).join('\n');
  // Ids are logged on purpose, and are in no token as they are: base64url hides them.
  const sample = token.length > 8192 ? `${token.slice(0, 4096)}${token.slice(-4096)}` : token;
  for (let at = 0; at + 12 <= sample.length; at += 1) {
    const piece = sample.slice(at, at + 12);
    if (log.includes(piece)) return piece;
  }
  return undefined;
}
