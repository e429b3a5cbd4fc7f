// Every response that a test gets is held against the reference: its status, its code, and its body down to the last member.
import * as v from 'valibot';
import type { Problem } from '../../src/api/error-codes.ts';
import { describeFailure, type FailureReason } from '../../src/api/errors.ts';
import { elsewhere, everywhere, type Operation, operations } from '../../src/reference/operations.ts';
import { responses } from '../../src/reference/responses.ts';

const table = Object.entries(operations).map(([path, methods]) => ({
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`),
  methods,
}));

/** Throws when a response is not in the reference. */
export async function expectDocumented(request: Request, response: Response): Promise<void> {
  const fault = await findDocumentFault(request.method, new URL(request.url).pathname, response.clone());
  if (fault !== undefined) throw new Error(`not in the reference (src/reference/operations.ts): ${fault}`);
}

/** What the reference does not say of a response; it reads the body. */
export async function findDocumentFault(
  method: string,
  path: string,
  response: Response,
): Promise<string | undefined> {
  const operation = findOperation(method, path);
  const where = `${method} ${path.slice(0, 80)}`;
  const text = await response.text();
  // UNAUTHORIZED_STATUS=406 stands wherever 401 does.
  const status = response.status === 406 ? 401 : response.status;
  if (status < 400) return findSuccessFault(operation, { method, status, text }, where);
  const reasons: FailureReason[] = [...everywhere, ...(operation?.refusals ?? elsewhere)];
  // /admin asks for the operator before it looks at the path.
  if (operation === undefined && path.startsWith('/admin/'))
    reasons.push('no_token', 'bad_admin_token', 'invalid_input');
  const known = reasons.map(describeFailure);
  if (method === 'HEAD') {
    return known.some((one) => one.status === status) ? undefined : `${where} responded ${status}`;
  }
  const { code } = JSON.parse(text) as Problem;
  if (known.some((one) => one.status === status && one.code === code))
    return isExactly('Problem', text) ? undefined : `${where} responded another body: ${text}`;
  return `${where} responded ${status} ${code}`;
}

function findOperation(method: string, path: string): Operation | undefined {
  const methods = table.find(({ pattern }) => pattern.test(path))?.methods;
  return methods?.[method === 'HEAD' ? 'GET' : method];
}

function findSuccessFault(
  operation: Operation | undefined,
  { method, status, text }: { method: string; status: number; text: string },
  where: string,
): string | undefined {
  if (method === 'OPTIONS' && status === 204) return undefined;
  if ((method === 'GET' || method === 'HEAD') && status === 308 && text === '') return undefined;
  const response = operation?.response;
  const isUnchanged = status === 304 && typeof response === 'string';
  if (status !== operation?.status && !isUnchanged) return `${where} responded ${status}`;
  if (method === 'HEAD' || typeof response === 'string') return undefined;
  const fits = response === undefined ? text === '' : response.some((name) => isExactly(name, text));
  return fits ? undefined : `${where} responded another body: ${Object.keys(JSON.parse(text || '{}'))}`;
}

/** Schemas drop members that they do not know: what comes out shorter had one. */
function isExactly(name: keyof typeof responses, text: string): boolean {
  const parsed = v.safeParse(responses[name], JSON.parse(text));
  return parsed.success && sorted(parsed.output) === sorted(JSON.parse(text));
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
