// The OpenAPI 3.1 document, made from the schemas that check requests, the responses and the reasons to refuse. Pure: made at
// build time by `npm run reference`, and never by the Worker.
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { type ErrorCode, errorCodes, type FieldError, type Problem } from '../api/error-codes.ts';
import { describeFailure, type FailureReason } from '../api/errors.ts';
import * as wire from '../api/wire.ts';
import { elsewhere, everywhere, type Operation, operations, requests, tags } from './operations.ts';
import { responses } from './responses.ts';

type Json = Record<string, unknown>;

/** Responses that every path can give; a 405 for the methods that it does not take. */
const shared: FailureReason[] = ['method_not_allowed', ...everywhere];

/** What a schema of wire.ts leaves to `domain/`, for readers. */
const NOTES: Record<string, Json> = {
  username: {
    description: `At most ${wire.USERNAME_MAX_LENGTH} characters, without spaces and without \`@\`.`,
  },
  email: { description: `At most ${wire.EMAIL_MAX_LENGTH} characters.`, format: 'email' },
  password: { format: 'password' },
  currentPassword: { format: 'password' },
  newPassword: {
    description: `\`PASSWORD_MIN_LENGTH\` to ${wire.PASSWORD_MAX_LENGTH} characters.`,
    format: 'password',
  },
  token: { description: 'What the mailed link carries in its fragment.' },
  'AccountSearch.search': { description: 'The start of a user name or of an e-mail address.' },
  'Login.username': { description: 'The user name or the e-mail address.' },
};

/** Parameters as the service reads them: a query is text, and `limit` a number in it. */
const PARAMETERS: Record<string, { description: string; schema?: Json }> = {
  keep: { description: 'Ends every session but this one.' },
  search: { description: 'The start of a user name, or of an e-mail address up to its `@`.' },
  disabled: { description: 'Disabled accounts only.' },
  emailVerified: { description: 'Accounts whose address is not confirmed only.' },
  mustResetPassword: { description: 'Accounts that have to set a new password only.' },
  order: { description: 'By the time of registration; `newest` by default.' },
  cursor: { description: 'From the page before.' },
  accountId: { description: 'Actions on one account.' },
  operator: { description: 'Actions under one label.' },
  limit: {
    description: 'Rows a page.',
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
  },
};

const HEADERS: Record<string, [description: string, schema: Json]> = {
  'Retry-After': ['Seconds to wait.', { type: 'integer', minimum: 1 }],
  'WWW-Authenticate': [
    'The challenge; a refused bearer token adds `error="invalid_token"`.',
    { type: 'string', examples: ['Bearer realm="latchkey"'] },
  ],
  'Accept-Encoding': ['Where a compressed body is at fault.', { const: 'identity' }],
  Allow: ['The methods of this path.', { type: 'string', examples: ['OPTIONS, POST'] }],
};
const COOKIES = {
  signsIn: 'The refresh cookie, `HttpOnly; Secure; SameSite=Strict`; after a sign-in also `__Host-device`.',
  clears: 'The refresh cookie, cleared.',
  remembers: 'Where this browser stays known, a new `__Host-device`.',
};

/** The whole document. `version` is the package's. */
export function makeDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [path, methods] of Object.entries(operations)) {
    const entries = Object.entries(methods).map(([method, operation]) => [
      method.toLowerCase(),
      describeOperation(path, operation),
    ]);
    paths[toTemplate(path)] = Object.fromEntries(entries);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Latchkey',
      version,
      description: introduction(),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This service' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...convertAll(requests), ...convertAll(responses) },
      responses: Object.fromEntries(
        groupByStatus(shared).map(([status, group]) => [sharedName(status), refusal(status, group)]),
      ),
      securitySchemes: {
        bearerAuth: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
        refreshCookie: {
          ...{ type: 'apiKey', in: 'cookie', name: '__Host-jwt' },
          description: 'The refresh token. `COOKIE_NAME` gives it another name. Script cannot read it.',
        },
        operatorToken: { type: 'http', scheme: 'bearer', description: 'The secret `ADMIN_TOKEN`.' },
      },
    },
    // Not part of any operation: OpenAPI has no place for responses where there is none.
    'x-responses-elsewhere': Object.fromEntries(
      groupByStatus([...elsewhere]).map(([status, group]) => [status, refusal(status, group)]),
    ),
  };
}

/** `/sessions/:id` as OpenAPI writes it. */
export function toTemplate(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function introduction(): string {
  const rows = errorCodes.map((code) => {
    const reason = allReasons().find((one) => describeFailure(one).code === code);
    const response = reason && describeFailure(reason);
    return `| ${response?.status} | \`${code}\` | ${response?.title} |`;
  });
  return [
    `JSON in and out, UTF-8, at most ${wire.MAX_BODY_BYTES / 1024} KiB a body. Unknown fields are ignored, and unknown query parameters too, except below \`/admin\`, where they are a 422. Times are RFC 3339 in UTC.`,
    'Errors are `application/problem+json` (RFC 9457). `code` is the contract; `message` repeats `title`.',
    ['| status | `code` | title |', '| --- | --- | --- |', ...rows].join('\n'),
    'An unknown path is a 404 `not_found`; a method that a path does not take is a 405 `method_not_allowed`, and `Allow` lists those that it takes, as it does for `OPTIONS` (204). `HEAD` responds like `GET`, without the body. Over plain http, where the issuer is https, `GET` without a bearer token is a 308 to the same place over https, and all else a 421. With `UNAUTHORIZED_STATUS=406`, 406 stands wherever 401 does here, without a challenge.',
    'Responses are `Cache-Control: no-store` unless it says otherwise. A request to change something passes when its `Origin` is the service’s own or listed; `null` passes from a page of the service’s own.',
  ].join('\n\n');
}

function allReasons(): FailureReason[] {
  const own = Object.values(operations).flatMap(Object.values) as Operation[];
  return [...everywhere, ...elsewhere, ...own.flatMap(({ refusals }) => refusals)];
}

function describeOperation(path: string, operation: Operation): Json {
  const { id, tag, summary, description, auth, body, takesForms, refusals } = operation;
  const parameters = [...pathParameters(path), ...queryParameters(operation), ...operatorParameters(auth)];
  const schema = body && { schema: ref('schemas', body) };
  const own = groupByStatus(refusals.filter((reason) => !isShared(reason)));
  const common = groupByStatus(shared).map(([status]) => [status, ref('responses', sharedName(status))]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    security: security(auth),
    ...(parameters.length > 0 && { parameters }),
    ...(schema && {
      requestBody: {
        required: true,
        content: {
          'application/json': schema,
          // Every route with a body reads both; only sign-in and registration promise to.
          ...(takesForms && { 'application/x-www-form-urlencoded': schema }),
        },
      },
    }),
    responses: Object.fromEntries([
      ...success(operation),
      ...own.map(([status, group]) => [status, refusal(status, group, operation)]),
      ...common,
    ]),
  };
}

/** The same at every path, whatever the reason. */
function isShared(reason: FailureReason): boolean {
  return shared.some((one) => describeFailure(one).status === describeFailure(reason).status);
}

function security(auth: Operation['auth']): Json[] {
  if (auth === 'none') return [];
  if (auth === 'anyRefreshCookie') return [{ refreshCookie: [] }, {}];
  const scheme = { bearer: 'bearerAuth', refreshCookie: 'refreshCookie', operator: 'operatorToken' }[auth];
  return [{ [scheme]: [] }];
}

function pathParameters(path: string): Json[] {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

function queryParameters({ query }: Operation): Json[] {
  if (query === undefined) return [];
  const { properties = {} } = convert(query) as { properties?: Json };
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', schema },
    ...PARAMETERS[name],
  }));
}

function operatorParameters(auth: Operation['auth']): Json[] {
  if (auth !== 'operator') return [];
  const schema = { type: 'string', pattern: '^[\\w.+-]{1,64}$', default: 'operator' };
  return [{ name: 'X-Operator', in: 'header', description: 'Who asks, for the history.', schema }];
}

function success({ status, response, effect }: Operation): [string, Json][] {
  const headers: Json = {};
  if (effect === 'cached') headers['Cache-Control'] = header('', { const: 'public, max-age=300' });
  else if (effect !== undefined) headers['Set-Cookie'] = header(COOKIES[effect], { type: 'string' });
  if (typeof response === 'string') {
    const file = {
      description: 'The file.',
      headers: { 'Cache-Control': header('', { const: 'no-cache' }), ETag: header('', { type: 'string' }) },
      content: { [response]: { schema: { type: response === 'application/json' ? 'object' : 'string' } } },
    };
    return [
      [String(status), file],
      ['304', { description: 'Unchanged, by `If-None-Match`.' }],
    ];
  }
  if (effect === 'signsIn') headers['Cache-Control'] = header('', { const: 'no-store' });
  const schemas = response?.map((name) => ref('schemas', name)) ?? [];
  const schema = schemas.length > 1 ? { anyOf: schemas } : schemas[0];
  const description = { 200: 'Done.', 201: 'Made.', 202: 'Taken; what follows comes by mail.', 204: 'Done.' }[
    status
  ];
  return [
    [
      String(status),
      {
        description,
        ...(Object.keys(headers).length > 0 && { headers }),
        ...(schema && { content: { 'application/json': { schema } } }),
      },
    ],
  ];
}

/** The response for all reasons of one status: its codes, one example each, and the headers that belong to it. */
function refusal(status: string, reasons: FailureReason[], operation?: Operation): Json {
  const described = new Map(reasons.map((reason) => [describeFailure(reason).code, describeFailure(reason)]));
  const codes = [...described.keys()];
  const headers: Json = {};
  const add = (name: string) => {
    headers[name] = header(...(HEADERS[name] ?? ['', {}]));
  };
  if (status === '401') add('WWW-Authenticate');
  if (status === '405') add('Allow');
  if (status === '415') add('Accept-Encoding');
  if (status === '429' || status === '503') add('Retry-After');
  if (status === '401' && operation?.id === 'refresh')
    headers['Set-Cookie'] = header(COOKIES.clears, { type: 'string' });
  const examples = [...described].map(([code, { title }]) => [
    code,
    { value: example(Number(status), code, title) },
  ]);
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...(Object.keys(headers).length > 0 && { headers }),
    content: {
      'application/problem+json': {
        schema: { allOf: [ref('schemas', 'Problem'), { properties: { code: { enum: codes } } }] },
        examples: Object.fromEntries(examples),
      },
    },
  };
}

function example(status: number, code: ErrorCode, title: string): Problem {
  const missing: FieldError = { field: 'username', code: 'required', message: 'is required' };
  const errors = code === 'invalid_input' && { errors: [missing] };
  return { type: `urn:latchkey:error:${code}`, title, status, code, message: title, ...errors };
}

function groupByStatus(reasons: readonly FailureReason[]): [string, FailureReason[]][] {
  const groups = new Map<string, FailureReason[]>();
  for (const reason of reasons) {
    const status = String(describeFailure(reason).status);
    groups.set(status, [...(groups.get(status) ?? []), reason]);
  }
  return [...groups].sort(([a], [b]) => Number(a) - Number(b));
}

function sharedName(status: string): string {
  return { '405': 'MethodNotAllowed', '421': 'HttpsRequired', '500': 'Internal' }[status] ?? 'Unavailable';
}

function header(description: string, schema: Json): Json {
  return { ...(description && { description }), schema };
}

function ref(kind: 'schemas' | 'responses', name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

function convertAll(schemas: Record<string, v.GenericSchema>): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const converted = convert(schema) as { properties?: Record<string, Json> };
      for (const [field, property] of Object.entries(name in requests ? (converted.properties ?? {}) : {}))
        Object.assign(property, NOTES[`${name}.${field}`] ?? NOTES[field]);
      return [name, converted];
    }),
  );
}

/** A schema inside another becomes a reference to it. */
function convert(schema: v.GenericSchema): Json {
  const others = Object.entries<v.GenericSchema>(responses).filter(([, one]) => one !== schema);
  const config: ConversionConfig = {
    typeMode: 'input',
    errorMode: 'throw',
    definitions: Object.fromEntries(others),
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  };
  const { $schema: _, $defs: __, ...converted } = toJsonSchema(schema, config);
  // A copy: the converter may hand out one object twice, and notes are added to it.
  return JSON.parse(JSON.stringify(converted)) as Json;
}
